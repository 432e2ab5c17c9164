import type * as ioredis from "ioredis";
import type { Redis } from "ioredis";
import { type Decision, Limit, type LocalLimiter, MutableDecision } from "../proxy/limits/gcra.ts";
import { type Ask, decideAll, type Verdict } from "./decision-batch.ts";
import { redisKey } from "./gcra-script.ts";

export interface RedisLimiterOptions {
  readonly url: string;
  /**
   * Decides while Redis does not. It is told of what Redis allows and asked again then: neither the outage nor its end hands out a
   * second burst.
   */
  readonly local: LocalLimiter;
  /** The clock `local` goes by, ms since the epoch. */
  readonly wall: () => number;
  /** Before every key; default `sluice:limit:`. */
  readonly prefix?: string;
  /** How long a decision may take before it is made locally. */
  readonly deadlineMs: number;
  /** From now on limits hold for each machine alone. Once a change. */
  readonly onFallback: (reason: string) => void;
  /** Redis decides again. Once a change. */
  readonly onRecovered: () => void;
}

/** Decisions waiting for Redis at most; more are made locally. */
const MOST_WAITING = 10_000;
const PROBE_EVERY_MS = 250;
/** A connection on which nothing comes back for so long is given up for a new one. */
const DEAD_AFTER_MS = 2000;
const PROBE = new Limit("probe", { max: 1e6, windowMs: 1000 });

/**
 * Rate limits that hold across machines: the decisions of one turn of the event loop go to Redis in one write. A decision is
 * always made: by the local limiter when Redis is away, late or refuses. Then Redis is left alone until a probe, a real
 * decision, succeeds, so that nobody waits for the deadline twice.
 */
export class RedisLimiter {
  readonly #options: Required<RedisLimiterOptions>;
  readonly #redis: Redis;
  readonly #decision = new MutableDecision();
  /** `starting`: local, and nothing to tell yet. */
  #state: "starting" | "redis" | "local" = "starting";
  #gathering: Ask[] = [];
  #waiting = 0;
  #probeSince: number | null = null;
  #lastError = "";
  readonly #startedAt = performance.now();
  #isClosed = false;
  readonly #prober: ReturnType<typeof setInterval>;

  constructor(options: RedisLimiterOptions) {
    this.#options = { prefix: "sluice:limit:", ...options };
    // Its client takes 8 MB: only those pay who have one.
    const { Redis: Client } = require("ioredis") as typeof ioredis;
    this.#redis = new Client(options.url, {
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      connectTimeout: 1000,
      retryStrategy: (times) => Math.min(1000, 50 * 2 ** Math.min(times, 5)) * (0.5 + Math.random() / 2),
      // After a failover the address may lead elsewhere.
      reconnectOnError: (error) => error.message.startsWith("READONLY"),
    });
    this.#redis.on("error", (error: Error) => (this.#lastError = error.message));
    this.#redis.on("close", () => this.#fallBack(this.#lastError || "the connection was lost"));
    this.#redis.on("ready", () => this.#probe());
    this.#prober = setInterval(() => this.#probe(), PROBE_EVERY_MS);
    this.#prober.unref();
  }

  /** Who decides now. */
  get backend(): "redis" | "local" {
    return this.#state === "redis" ? "redis" : "local";
  }

  /**
   * Decides one request and never fails. `done` is called exactly once, at once when the decision is local, and must not throw; what
   * it is given is overwritten by the next decision.
   */
  take(key: string, limit: Limit, done: (decision: Decision) => void): void {
    if (this.#state !== "redis" || this.#waiting >= MOST_WAITING) {
      done(this.#options.local.take(key, limit, this.#options.wall()));
      return;
    }
    this.#waiting++;
    this.#gathering.push({ key, redisKey: redisKey(this.#options.prefix, limit, key), limit, done });
    if (this.#gathering.length === 1) setImmediate(() => this.#send());
  }

  /** Leaves Redis alone for good; what waits is decided locally by its deadline. */
  close(): void {
    clearInterval(this.#prober);
    this.#isClosed = true;
    this.#state = "local";
    this.#redis.disconnect();
  }

  #send(): void {
    const asks = this.#gathering;
    this.#gathering = [];
    let open = true;
    const close = (reason: string, verdicts: ReadonlyArray<Verdict | Error>): void => {
      if (!open) return;
      open = false;
      clearTimeout(deadline);
      this.#waiting -= asks.length;
      if (reason !== "") this.#fallBack(reason);
      asks.forEach((ask, i) => this.#answer(ask, verdicts[i] ?? null));
    };
    const { deadlineMs } = this.#options;
    // The reply may have come while this process was busy: one look at the sockets before the verdict.
    const late = () => setImmediate(() => close(`no answer within ${deadlineMs} ms`, []));
    const deadline = setTimeout(late, deadlineMs);
    if (this.#state !== "redis") return close("", []);
    decideAll(this.#redis, asks).then(
      (verdicts) => close(failureIn(verdicts), verdicts),
      (error: Error) => close(error.message, []),
    );
  }

  // What this machine has used up by itself is used up everywhere, and Redis knows nothing of what was allowed while it was away.
  #answer({ key, limit, done }: Ask, verdict: Verdict | Error | null): void {
    const isMade = verdict !== null && !(verdict instanceof Error);
    if (isMade && !verdict.allowed) return done(this.#decision.settle(limit, verdict.aheadUs, false));
    const here = this.#options.local.take(key, limit, this.#options.wall());
    done(isMade && here.allowed ? this.#decision.settle(limit, verdict.aheadUs, true) : here);
  }

  #fallBack(reason: string): void {
    if (this.#state === "local" || this.#isClosed) return;
    this.#state = "local";
    this.#options.onFallback(reason.split("\n")[0]!.slice(0, 200));
  }

  #probe(): void {
    if (this.#state === "redis") return;
    if (this.#redis.status !== "ready") return this.#notReady();
    if (this.#probeSince !== null) {
      if (performance.now() - this.#probeSince > DEAD_AFTER_MS) this.#redis.disconnect(true);
      return;
    }
    const since = (this.#probeSince = performance.now());
    const ask: Ask = { key: "", redisKey: redisKey(this.#options.prefix, PROBE, ""), limit: PROBE, done: () => {} };
    decideAll(this.#redis, [ask])
      .then(failureIn, (error: Error) => error.message)
      .then((failure) => this.#probed(failure, performance.now() - since));
  }

  // It may load its data set, or be somebody who never answers.
  #notReady(): void {
    if (this.#state === "starting" && performance.now() - this.#startedAt > DEAD_AFTER_MS)
      this.#fallBack(this.#lastError || `not ready within ${DEAD_AFTER_MS} ms`);
  }

  #probed(failure: string, tookMs: number): void {
    this.#probeSince = null;
    if (failure !== "") return this.#fallBack(failure);
    if (tookMs > this.#options.deadlineMs) return this.#fallBack(`no answer within ${this.#options.deadlineMs} ms`);
    if (this.#redis.status !== "ready" || this.#isClosed) return;
    const isNews = this.#state === "local";
    this.#state = "redis";
    this.#lastError = "";
    if (isNews) this.#options.onRecovered();
  }
}

function failureIn(verdicts: ReadonlyArray<Verdict | Error>): string {
  for (const verdict of verdicts) if (verdict instanceof Error) return verdict.message || "an error without words";
  return "";
}
