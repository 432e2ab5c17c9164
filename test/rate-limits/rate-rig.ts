import type { Exchange, Identity } from "../../src/model/exchange.ts";
import type { GatewayError } from "../../src/model/gateway-error.ts";
import type { ProxyEvent } from "../../src/model/ports.ts";
import type { RateLimitSpec, RateLimitsSpec } from "../../src/model/traffic-spec.ts";
import type { Decision, Limit } from "../../src/proxy/limits/gcra.ts";
import { localDecider, type RateDeciders } from "../../src/proxy/limits/rate-deciders.ts";
import { type LimitList, RateGate } from "../../src/proxy/limits/rate-gate.ts";
import { newLimiter, NOW } from "../limits/tables.ts";
import { exchangeOf, type RequestParts } from "../routing/requests.ts";

/** A limit by client address, named after its numbers unless told otherwise. */
export function limitSpec(parts: Partial<RateLimitSpec> = {}): RateLimitSpec {
  const { max = 2, windowMs = 60_000 } = parts;
  const rest = { burst: max, by: [{ kind: "clientIp" as const }], mode: "enforce" as const, message: null };
  return { name: `${max}/${windowMs}`, max, windowMs, ...rest, ...parts };
}

/** A Redis that answers when it is told to. */
export class SlowDecider {
  readonly waiting: Array<() => void> = [];
  users = 0;
  readonly keys: string[] = [];
  readonly #local = newLimiter();

  take(key: string, limit: Limit, done: (decision: Decision) => void): void {
    this.keys.push(key);
    this.waiting.push(() => done(this.#local.take(key, limit, NOW)));
  }

  /** What is asked in answer to this waits for the next time. */
  answer(): void {
    for (const tell of this.waiting.splice(0)) tell();
  }

  release(): void {
    this.users--;
  }
}

/** A gate over a table of its own, at an instant that stands still until it is moved. */
export class RateRig {
  now = NOW;
  readonly events: ProxyEvent[] = [];
  readonly slow = new SlowDecider();
  readonly deciders: RateDeciders;

  constructor() {
    this.deciders = {
      local: localDecider(newLimiter(), { wall: () => this.now }),
      redis: () => {
        this.slow.users++;
        return this.slow;
      },
    };
  }

  gate(spec: Partial<RateLimitsSpec> = {}): RateGate {
    const whole: RateLimitsSpec = { redis: null, maxKeys: 4096, global: null, ...spec };
    return new RateGate(whole, this.deciders, (event) => this.events.push(event));
  }

  redisGate(): RateGate {
    return this.gate({ redis: { url: "redis://one", timeoutMs: 250 } });
  }
}

/** @returns the refusal, or null; throws when it is not decided at once */
export function checkNow(gate: RateGate, limits: LimitList, exchange: Exchange): GatewayError | null {
  let refusal: GatewayError | null | undefined;
  gate.check(limits, exchange, (found) => (refusal = found));
  if (refusal === undefined) throw new Error("not decided yet");
  return refusal;
}

export function exchangeFor(parts: RequestParts & { identity?: Identity; route?: string } = {}): Exchange {
  const exchange = exchangeOf(parts);
  exchange.identity = parts.identity ?? null;
  if (parts.route !== undefined) exchange.route = { id: parts.route, slot: 0, labels: {} };
  return exchange;
}
