import { Redis } from "ioredis";
import type { SnapshotSpec } from "../model/snapshot-spec.ts";

const PATIENCE_MS = 1_000;

/** Whether every Redis of the configuration answers; a connection of its own for each, once somebody asks. */
export class RedisCheck {
  readonly #clients = new Map<string, Redis>();

  /** What is wrong; null: nothing; undefined: the configuration names no Redis. */
  async check({ redisUrl, rateLimits }: SnapshotSpec): Promise<string | null | undefined> {
    const urls = new Set([redisUrl, rateLimits.redis?.url ?? null].filter((url) => url !== null));
    this.#forgetOthers(urls);
    if (urls.size === 0) return undefined;
    const answers = await Promise.all([...urls].map((url) => this.#ask(url)));
    return answers.find((answer) => answer !== null) ?? null;
  }

  stop(): void {
    this.#forgetOthers(new Set());
  }

  async #ask(url: string): Promise<string | null> {
    let client = this.#clients.get(url);
    if (client === undefined) this.#clients.set(url, (client = clientFor(url)));
    try {
      await client.ping();
      return null;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  #forgetOthers(wanted: ReadonlySet<string>): void {
    for (const [url, client] of this.#clients) {
      if (wanted.has(url)) continue;
      client.disconnect();
      this.#clients.delete(url);
    }
  }
}

function clientFor(url: string): Redis {
  const client = new Redis(url, {
    lazyConnect: true,
    maxRetriesPerRequest: 0,
    connectTimeout: PATIENCE_MS,
    commandTimeout: PATIENCE_MS,
    retryStrategy: () => PATIENCE_MS,
  });
  // What fails is told to whoever asked.
  client.on("error", () => undefined);
  return client;
}
