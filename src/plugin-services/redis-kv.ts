import type * as ioredis from "ioredis";
import type { Redis } from "ioredis";
import type { KvOperation, KvOutcome } from "../control/workers/messages.ts";
import type { Logger } from "../observability/logger.ts";
import { type KvStore, notWhole } from "./kv-store.ts";

/** For a connection and for a command. */
const TIMEOUT_MS = 2000;
/** A Redis that hangs is left for a new connection. */
const SILENT_MS = 5000;
const MOST_BETWEEN_TRIES_MS = 2000;
/** More than these under way means that Redis cannot follow: then memory must not grow with what waits for it. */
const MOST_UNDER_WAY = 10_000;

/** One step, so that no crash between two leaves a number that never expires. Numbers stay exact in JavaScript. */
const INCR = `
local fresh = redis.call('EXISTS', KEYS[1]) == 0
local number = redis.call('INCRBY', KEYS[1], ARGV[1])
if number > 9007199254740991 or number < -9007199254740991 then
  redis.call('DECRBY', KEYS[1], ARGV[1])
  return redis.error_reply('ERR value is not an integer or out of range')
end
if fresh and ARGV[2] ~= '' then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return number`;

interface Commands extends Redis {
  sluiceIncr(key: string, by: number, ttlMs: number | ""): Promise<number>;
}

/**
 * What plugins keep, in a Redis that machines share. It connects with the first operation and again whenever the connection is
 * lost; while there is none, operations are refused at once. Errors and logs name the host and never the URL: it may hold a
 * password.
 */
export class RedisKv implements KvStore {
  readonly #where: string;
  readonly #log: Logger;
  readonly #client: Commands;
  #connecting: Promise<void> | null = null;
  #underWay = 0;
  /** Why there is no connection, as far as it is known. */
  #reason: string | null = null;
  #away = false;

  constructor(url: string, log: Logger) {
    this.#where = whereOf(url);
    this.#log = log;
    // Its client takes 8 MB: only those pay who have one.
    const { Redis: Client } = require("ioredis") as typeof ioredis;
    this.#client = new Client(url, {
      lazyConnect: true,
      enableOfflineQueue: false,
      // What was under way may have been done: sending it again would count twice.
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      disableClientInfo: true,
      connectTimeout: TIMEOUT_MS,
      commandTimeout: TIMEOUT_MS,
      socketTimeout: SILENT_MS,
      retryStrategy: (times) => Math.min(MOST_BETWEEN_TRIES_MS, 50 * 2 ** Math.min(times, 10)),
      scripts: { sluiceIncr: { lua: INCR, numberOfKeys: 1 } },
    }) as Commands;
    this.#client.on("error", (error: Error) => (this.#reason = reasonOf(error)));
    this.#client.on("close", () => this.#lost());
    this.#client.on("ready", () => this.#back());
  }

  async run(operation: KvOperation): Promise<KvOutcome> {
    if (this.#client.status !== "ready") await this.#connected();
    if (this.#underWay >= MOST_UNDER_WAY)
      throw new Error(`kv: ${this.#where} does not follow: ${MOST_UNDER_WAY} operations wait for it`);
    this.#underWay++;
    try {
      return await this.#command(operation);
    } catch (error) {
      throw this.#failure(error, operation);
    } finally {
      this.#underWay--;
    }
  }

  /** For ever. */
  close(): void {
    this.#client.removeAllListeners("close");
    this.#client.disconnect();
  }

  async #command(operation: KvOperation): Promise<KvOutcome> {
    const key = `sluice:kv:${operation.plugin}:${operation.key}`;
    switch (operation.verb) {
      case "get":
        return this.#client.get(key);
      case "set":
        if (operation.ttlMs === null) await this.#client.set(key, operation.value);
        else await this.#client.set(key, operation.value, "PX", operation.ttlMs);
        return null;
      case "delete":
        return (await this.#client.del(key)) > 0;
      case "incr":
        return this.#client.sluiceIncr(key, operation.by, operation.ttlMs ?? "");
    }
  }

  /** The first connection is waited for; after that one that is lost comes back by itself, and nobody waits. */
  async #connected(): Promise<void> {
    this.#connecting ??= this.#client.connect().catch((error: Error) => {
      this.#reason ??= reasonOf(error);
    });
    if (!this.#away) await this.#connecting;
    if (this.#client.status !== "ready") throw this.#gone();
  }

  /** A new error: those of the client carry the command's words, a password's among them. */
  #failure(error: unknown, { verb, plugin, key }: KvOperation): Error {
    const reason = reasonOf(error);
    if (verb === "incr" && /not an integer|overflow|WRONGTYPE/.test(reason)) return notWhole(plugin, key);
    if (/timed out/i.test(reason)) return new Error(`kv: ${this.#where} did not answer within ${TIMEOUT_MS} ms`);
    if (this.#client.status !== "ready") return this.#gone();
    return new Error(`kv: ${this.#where} says: ${reason}`);
  }

  #gone(): Error {
    return new Error(`kv: ${this.#where} is away (${this.#reason ?? "the connection was lost"}); trying again`);
  }

  #lost(): void {
    if (this.#away) return;
    this.#away = true;
    this.#log.error(
      { redis: this.#where, reason: this.#reason },
      "redis is away: what plugins keep there cannot be had",
    );
  }

  #back(): void {
    this.#reason = null;
    if (!this.#away) return;
    this.#away = false;
    this.#log.info({ redis: this.#where }, "redis is back");
  }
}

function reasonOf(error: unknown): string {
  const { message, code } = error as { message?: string; code?: string };
  return message || code || "no reason given";
}

/** `redis at host:port`, without what is secret in the URL. */
function whereOf(url: string): string {
  const parsed = URL.parse(url);
  return parsed === null || parsed.host === "" ? "redis" : `redis at ${parsed.host}`;
}
