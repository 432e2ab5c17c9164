import type { Redis } from "ioredis";
import type { Decision, Limit } from "../proxy/limits/gcra.ts";
import { GCRA_SCRIPT, GCRA_SHA } from "./gcra-script.ts";

/** One decision that somebody waits for. */
export interface Ask {
  readonly key: string;
  readonly redisKey: string;
  readonly limit: Limit;
  readonly done: (decision: Decision) => void;
}

/** What Redis said of one ask. */
export interface Verdict {
  readonly allowed: boolean;
  readonly aheadUs: number;
}

type Command = [name: string, ...values: Array<string | number>];

/**
 * Decides all asks in one write, in order.
 * @returns a verdict or a failure for each, in the asks' order; @throws when the connection fails
 */
export async function decideAll(redis: Redis, asks: readonly Ask[]): Promise<Array<Verdict | Error>> {
  const verdicts = await run(redis, asks, "evalsha", GCRA_SHA);
  // Somebody flushed the scripts: sending one brings it back.
  const again = asks.filter((_, i) => isForgotten(verdicts[i]!));
  if (again.length === 0) return verdicts;
  const late = await run(redis, again, "eval", GCRA_SCRIPT);
  let next = 0;
  return verdicts.map((verdict) => (isForgotten(verdict) ? late[next++]! : verdict));
}

async function run(
  redis: Redis,
  asks: readonly Ask[],
  verb: "eval" | "evalsha",
  script: string,
): Promise<Array<Verdict | Error>> {
  const commands = asks.map(({ redisKey, limit }): Command => [
    verb,
    script,
    1,
    redisKey,
    limit.intervalUs,
    limit.toleranceUs,
  ]);
  const replies = await redis.pipeline(commands).exec();
  return asks.map((_, i) => verdictOf(replies?.[i] ?? [new Error("no reply"), null]));
}

function verdictOf([error, reply]: [error: Error | null, reply: unknown]): Verdict | Error {
  if (error !== null) return error;
  if (!Array.isArray(reply) || typeof reply[0] !== "number" || typeof reply[1] !== "number")
    return new Error(`an unexpected reply to the script: ${JSON.stringify(reply)?.slice(0, 80)}`);
  return { allowed: reply[0] === 1, aheadUs: reply[1] };
}

function isForgotten(verdict: Verdict | Error): boolean {
  return verdict instanceof Error && verdict.message.startsWith("NOSCRIPT");
}
