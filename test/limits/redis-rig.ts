import type { Decision, Limit } from "../../src/proxy/limits/gcra.ts";
import { RedisLimiter } from "../../src/rate-limit-redis/redis-limiter.ts";
import { newLimiter } from "./tables.ts";

/** A Redis limiter as one machine has it, and what it said. */
export class RedisRig {
  readonly events: string[] = [];
  readonly local = newLimiter();
  readonly limiter: RedisLimiter;

  constructor(url: string, options: { deadlineMs?: number } = {}) {
    this.limiter = new RedisLimiter({
      url,
      local: this.local,
      wall: Date.now,
      deadlineMs: 250,
      ...options,
      onFallback: (reason) => this.events.push(`fallback: ${reason}`),
      onRecovered: () => this.events.push("recovered"),
    });
  }

  take(key: string, limit: Limit): Promise<Decision> {
    return new Promise((resolve) => this.limiter.take(key, limit, (decision) => resolve({ ...decision })));
  }

  takeMany(key: string, limit: Limit, count: number): Promise<Decision[]> {
    return Promise.all(Array.from({ length: count }, () => this.take(key, limit)));
  }
}
