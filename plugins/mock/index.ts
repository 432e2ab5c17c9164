import { randomInt } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { definePlugin, type RequestContext, type Static, t } from "sluice";
import { pathTest, type PathTest } from "./path-test.ts";
import { asIs, checkHoles, fillJson, fillText, inHeader, inHtml } from "./template.ts";

const MAX_LATENCY_MS = 60_000;

const Answer = t.Object(
  {
    methods: t.Array(t.String(), { default: [], description: "Methods it answers; none: all." }),
    path: t.Optional(t.String({ description: "Path it answers: `/users/:id`, `/files/*`. Default: all." })),
    query: t.Record(t.String(), t.String(), { default: {}, description: 'Query it wants; `"*"`: any value.' }),
    headers: t.Record(t.String(), t.String(), { default: {}, description: 'Headers it wants; `"*"`: any value.' }),
    status: t.Integer({ minimum: 200, maximum: 599, default: 200, description: "Status of the reply." }),
    reply: t.Record(t.String(), t.String(), { default: {}, description: "Headers of the reply." }),
    body: t.Optional(t.String({ description: "Its body as text." })),
    json: t.Optional(t.Unknown({ description: "Its body as JSON." })),
    latency: t.Duration({ default: 0, maximum: MAX_LATENCY_MS, description: "Wait so long before answering." }),
    weight: t.Integer({ minimum: 0, default: 1, description: "Its share with `choose: weighted`." }),
  },
  { additionalProperties: false },
);
type Answer = Static<typeof Answer>;

const Config = t.Object({
  responses: t.Array(Answer, { minItems: 1, description: "Replies, in order." }),
  choose: t.Union([t.Literal("first"), t.Literal("sequence"), t.Literal("weighted")], {
    default: "first",
    description: "Which one, where several fit: the first, each in turn, or drawn by weight.",
  }),
  otherwise: t.Union([t.Literal("notFound"), t.Literal("forward")], {
    default: "notFound",
    description: "Where none fits: 404, or on to the upstream.",
  }),
});

interface Mock {
  readonly weight: number;
  fits(ctx: RequestContext<object>): boolean;
  answer(ctx: RequestContext<object>): Response | Promise<Response>;
}

/** Answers instead of an upstream. */
export default definePlugin({
  name: "mock",
  config: Config,
  limits: { timeoutMs: MAX_LATENCY_MS + 5000 },
  setup({ config }) {
    const mocks = config.responses.map(mockOf);
    const pick = config.choose === "sequence" ? inTurn() : config.choose === "weighted" ? byWeight : first;
    return {
      request(ctx) {
        const mock = pick(mocks.filter((candidate) => candidate.fits(ctx)));
        if (mock !== undefined) return mock.answer(ctx);
        if (config.otherwise === "forward") return undefined;
        return ctx.problem("plugin:mock_missing", { status: 404, detail: "No mock fits this request." });
      },
    };
  },
});

type Pick = (fitting: readonly Mock[]) => Mock | undefined;

const first: Pick = (fitting) => fitting[0];

/** Each set of replies has a turn of its own: requests for one path do not move another's. */
function inTurn(): Pick {
  const turns = new WeakMap<Mock, number>();
  return (fitting) => {
    const head = fitting[0];
    if (head === undefined) return undefined;
    const turn = turns.get(head) ?? 0;
    turns.set(head, turn + 1);
    return fitting[turn % fitting.length];
  };
}

const byWeight: Pick = (fitting) => {
  const total = fitting.reduce((sum, { weight }) => sum + weight, 0);
  if (total === 0) return undefined;
  let drawn = randomInt(total);
  return fitting.find(({ weight }) => (drawn -= weight) < 0);
};

function mockOf(answer: Answer, index: number): Mock {
  const where = `responses[${index}]`;
  if (answer.body !== undefined && answer.json !== undefined) throw new Error(`${where}: body or json, not both`);
  if ([204, 205, 304].includes(answer.status) && (answer.body !== undefined || answer.json !== undefined))
    throw new Error(`${where}: a ${answer.status} has no body`);
  const methods = new Set(answer.methods.map((method) => method.toUpperCase()));
  const path = answer.path === undefined ? null : pathTest(answer.path, where);
  const headers = Object.entries(answer.headers);
  const query = Object.entries(answer.query);
  const reply = replyOf(answer, where);
  return {
    weight: answer.weight,
    fits: (ctx) =>
      (methods.size === 0 || methods.has(ctx.method)) &&
      (path === null || path(pathOf(ctx)) !== null) &&
      headers.every(([name, wanted]) => fitsValue(ctx.headers.get(name), wanted)) &&
      query.every(([name, wanted]) => fitsValue(ctx.query.get(name), wanted)),
    answer(ctx) {
      const params = path === null ? ctx.params : { ...ctx.params, ...path(pathOf(ctx)) };
      if (answer.latency === 0) return reply(ctx, params);
      // A client that goes away ends the wait; what is answered then goes nowhere.
      const waited = sleep(answer.latency, undefined, { signal: ctx.signal }).catch(() => undefined);
      return waited.then(() => reply(ctx, params));
    },
  };
}

const pathOf = (ctx: RequestContext<object>) => ctx.path.split("?", 1)[0]!;

function fitsValue(value: string | null, wanted: string): boolean {
  return wanted === "*" ? value !== null : value === wanted;
}

type Params = NonNullable<ReturnType<PathTest>>;

/** Checked and prepared once. @throws Error for headers or holes that cannot be */
function replyOf(answer: Answer, where: string): (ctx: RequestContext<object>, params: Params) => Response {
  const { status, body, json } = answer;
  const names = new Headers(Object.keys(answer.reply).map((name) => [name, ""]));
  for (const text of Object.values(answer.reply)) checkHoles(text, `${where}.reply`);
  if (body !== undefined) checkHoles(body, `${where}.body`);
  if (json !== undefined) checkHoles(JSON.stringify(json), `${where}.json`);
  const type = Object.entries(answer.reply).find(([name]) => name.toLowerCase() === "content-type")?.[1];
  const escape = /html|xml/i.test(type ?? "") ? inHtml : asIs;
  const fallback = json === undefined ? "text/plain; charset=utf-8" : "application/json";
  return (ctx, params) => {
    const filling = { ctx, params };
    const headers = Object.entries(answer.reply).map(([name, text]): [string, string] => [
      name,
      fillText(text, filling, inHeader),
    ]);
    if (json === undefined && body === undefined) return ctx.respond(status, null, headers);
    if (!names.has("content-type")) headers.push(["Content-Type", fallback]);
    const filled = json === undefined ? fillText(body!, filling, escape) : JSON.stringify(fillJson(json, filling));
    return ctx.respond(status, filled, headers);
  };
}
