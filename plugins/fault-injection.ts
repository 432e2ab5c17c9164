import { setTimeout as sleep } from "node:timers/promises";
import { type HeaderMap, definePlugin, type Static, t } from "sluice";

const MAX_DELAY_MS = 60_000;
const DELAY_HEADER = "x-fault-delay";
const ABORT_HEADER = "x-fault-abort";

const Percent = (description: string) => t.Number({ minimum: 0, maximum: 100, default: 100, description });

const Config = t.Object({
  delay: t.Optional(
    t.Object(
      {
        fixed: t.Optional(t.Duration({ description: "Every delay is so long." })),
        min: t.Optional(t.Duration({ description: "Shortest delay, with `max`: each is drawn anew." })),
        max: t.Optional(t.Duration({ description: "Longest delay." })),
        percent: Percent("Share of requests that are delayed."),
      },
      { additionalProperties: false, description: "Makes requests wait." },
    ),
  ),
  abort: t.Optional(
    t.Object(
      {
        status: t.Integer({ minimum: 400, maximum: 599, default: 503, description: "Status of the reply." }),
        percent: Percent("Share of requests that are refused."),
      },
      { additionalProperties: false, description: "Answers instead of the upstream, after the delay." },
    ),
  ),
  fromHeaders: t.Boolean({
    default: false,
    description: "Requests may ask for their own fault: `X-Fault-Delay: 250` (ms), `X-Fault-Abort: 503`.",
  }),
  maxActive: t.Integer({ minimum: 1, default: 1000, description: "Delays at a time in a worker; beyond, none." }),
});
type Config = Static<typeof Config>;

/** Delays and failures on purpose, to see what the others make of them. */
export default definePlugin({
  name: "fault-injection",
  config: Config,
  // The deadline of hooks must not cut the delay itself.
  limits: { timeoutMs: MAX_DELAY_MS + 5000 },
  setup({ config, metrics }) {
    const drawDelayMs = delayDraw(config.delay);
    const drawAbort = abortDraw(config.abort);
    const faults = metrics.counter("faults_total", "Faults that were injected, by kind.");
    let active = 0;

    async function wait(ms: number, signal: AbortSignal): Promise<void> {
      if (ms === 0) return;
      if (active >= config.maxActive) return faults.inc(1, { kind: "overflow" });
      faults.inc(1, { kind: "delay" });
      active++;
      // Rejects when the client goes away: nothing is left to delay then.
      await sleep(ms, undefined, { signal }).catch(() => undefined);
      active--;
    }

    return {
      request(ctx) {
        const asked = config.fromHeaders ? takeAsked(ctx.headers) : NOTHING_ASKED;
        const delayMs = asked.delayMs ?? drawDelayMs();
        const status = asked.status ?? drawAbort();
        const abort = () => {
          if (status === null || ctx.signal.aborted) return undefined;
          faults.inc(1, { kind: "abort" });
          return ctx.problem("plugin:fault_injected", { status, detail: "A fault was injected." });
        };
        return delayMs === 0 ? abort() : wait(delayMs, ctx.signal).then(abort);
      },
    };
  },
});

const NOTHING_ASKED = { delayMs: null, status: null } as const;

/** What the request asks for, which then stays here. What is no number in its range asks for nothing. */
function takeAsked(headers: HeaderMap): { delayMs: number | null; status: number | null } {
  const take = (name: string, min: number, max: number) => {
    const text = headers.get(name);
    if (text === null) return null;
    headers.delete(name);
    const value = /^\d{1,9}$/.test(text.trim()) ? Number(text) : -1;
    return value >= min ? Math.min(value, max) : null;
  };
  const status = take(ABORT_HEADER, 400, 1000);
  return { delayMs: take(DELAY_HEADER, 0, MAX_DELAY_MS), status: status === null || status > 599 ? null : status };
}

const drawn = (percent: number) => percent === 100 || Math.random() * 100 < percent;

function delayDraw(delay: Config["delay"]): () => number {
  if (delay === undefined) return () => 0;
  const { fixed, percent } = delay;
  if ((fixed === undefined) === (delay.max === undefined)) throw new Error("delay needs `fixed`, or `min` and `max`");
  if (fixed !== undefined && delay.min !== undefined) throw new Error("delay: `fixed`, or `min` and `max`, not both");
  const min = fixed ?? delay.min ?? 0;
  const max = fixed ?? delay.max!;
  if (min > max) throw new Error("delay.min must not be more than delay.max");
  if (max > MAX_DELAY_MS) throw new Error(`a delay may take ${MAX_DELAY_MS / 1000}s at most, not ${max / 1000}s`);
  return () => (drawn(percent) ? min + Math.random() * (max - min) : 0);
}

function abortDraw(abort: Config["abort"]): () => number | null {
  if (abort === undefined) return () => null;
  return () => (drawn(abort.percent) ? abort.status : null);
}
