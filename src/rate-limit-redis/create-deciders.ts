import type { Clock, ProxyEvent } from "../model/ports.ts";
import type { RateRedisSpec } from "../model/traffic-spec.ts";
import { localDecider, type RateDeciders, type SharedDecider } from "../proxy/limits/rate-deciders.ts";
import type { SharedState } from "../proxy/shared-state.ts";
import { RedisLimiter } from "./redis-limiter.ts";

export interface DecidersOptions {
  readonly shared: Pick<SharedState, "rates">;
  readonly clock: Pick<Clock, "wall">;
  /** Hears `rate_limit.fallback` and `rate_limit.recovered`, once a change. */
  readonly event: (event: ProxyEvent) => void;
}

/** Who decides on rate limits in this process: one table, and one connection for each Redis that a snapshot names. */
export interface ProcessDeciders extends RateDeciders {
  /** Lets go of every Redis; what is asked from now on is decided on this machine. */
  close(): void;
}

export function createRateDeciders(options: DecidersOptions): ProcessDeciders {
  const { shared, clock } = options;
  const limiters = new Map<string, Counted>();
  return {
    local: localDecider(shared.rates, clock),
    redis(spec) {
      const name = `${spec.timeoutMs} ${spec.url}`;
      let counted = limiters.get(name);
      if (counted === undefined) limiters.set(name, (counted = { limiter: open(spec, options), users: 0 }));
      counted.users++;
      return leaseOf(counted, () => limiters.delete(name));
    },
    close() {
      for (const { limiter } of limiters.values()) limiter.close();
    },
  };
}

interface Counted {
  readonly limiter: RedisLimiter;
  users: number;
}

function leaseOf(counted: Counted, forget: () => void): SharedDecider {
  let isOurs = true;
  return {
    take: (key, limit, done) => counted.limiter.take(key, limit, done),
    release() {
      if (!isOurs) return;
      isOurs = false;
      if (--counted.users > 0) return;
      forget();
      counted.limiter.close();
    },
  };
}

function open({ url, timeoutMs }: RateRedisSpec, { shared, clock, event }: DecidersOptions): RedisLimiter {
  const where = placeOf(url);
  return new RedisLimiter({
    url,
    deadlineMs: timeoutMs,
    local: shared.rates,
    wall: () => clock.wall(),
    onFallback: (reason) => event({ type: "rate_limit.fallback", reason: `${where}: ${reason}` }),
    onRecovered: () => event({ type: "rate_limit.recovered", reason: `${where} decides again` }),
  });
}

/** Without what may be a password. */
function placeOf(url: string): string {
  return `redis ${URL.parse(url)?.host || "of an address that is none"}`;
}
