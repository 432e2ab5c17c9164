import type { Exchange } from "../model/exchange.ts";
import type { Random } from "../model/ports.ts";
import type { AccessLogSpec } from "../model/snapshot-spec.ts";
import type { Logger } from "./logger.ts";

/** One line an exchange, sampled: a share of what went well, usually all of what did not. */
export class AccessLog {
  readonly #log: Logger;
  readonly #random: Random;
  #spec: AccessLogSpec;

  constructor(log: Logger, spec: AccessLogSpec, random: Random) {
    this.#log = log;
    this.#spec = spec;
    this.#random = random;
  }

  configure(spec: AccessLogSpec): void {
    this.#spec = spec;
  }

  record(exchange: Exchange): void {
    const spec = this.#spec;
    if (spec.mode === "off") return;
    if (spec.mode === "sampled") {
      const failed = exchange.status >= 400 || exchange.failure !== null;
      const rate = failed ? spec.errorRate : spec.successRate;
      if (rate < 1 && this.#random() >= rate) return;
    }
    this.#log.info(entry(exchange), "request");
  }
}

function entry(exchange: Exchange): Record<string, unknown> {
  const { received, failure } = exchange;
  return {
    id: exchange.id,
    client: exchange.clientIp,
    method: received.method,
    host: exchange.host,
    target: withoutSecrets(received.target),
    version: received.version,
    route: exchange.route?.id,
    upstream: exchange.upstream ?? undefined,
    endpoint: exchange.endpoint ?? undefined,
    attempts: exchange.attempts > 1 ? exchange.attempts : undefined,
    status: exchange.status,
    code: exchange.code ?? undefined,
    detail: failure === null || failure.detail === "" ? undefined : failure.detail,
    identity: exchange.identity?.id,
    bytesIn: exchange.requestBytes,
    bytesOut: exchange.replyBytes,
    ms: round(exchange.endedAt - exchange.startedAt),
    headMs: exchange.headAt === 0 ? undefined : round(exchange.headAt - exchange.startedAt),
    trace: traceId(received.headers.first("traceparent")),
    agent: received.headers.first("user-agent") ?? undefined,
  };
}

function round(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

// The name and the value's end are found apart: one expression for both would take seconds for what somebody can write in 8 KB.
const PARAMETER = /[?&]([^?&=]*)=/g;
const SECRET_NAME = /token|key|secret|passw|sig|auth|code/i;

/** Query values whose name says that they are secret are masked; the rest of the target is as it came. */
export function withoutSecrets(target: string): string {
  if (!target.includes("?")) return target;
  let masked = "";
  let from = 0;
  for (const { 0: opening, 1: name, index } of target.matchAll(PARAMETER)) {
    if (index < from || !SECRET_NAME.test(decoded(name!))) continue;
    const value = index + opening.length;
    const end = target.indexOf("&", value);
    masked += `${target.slice(from, value)}[redacted]`;
    from = end < 0 ? target.length : end;
  }
  return masked + target.slice(from);
}

function decoded(name: string): string {
  return name.replace(/%([2-7][0-9a-f])/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** The trace id of a W3C `traceparent`. */
function traceId(traceparent: string | null): string | undefined {
  if (traceparent === null) return undefined;
  return /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}/.exec(traceparent)?.[1];
}
