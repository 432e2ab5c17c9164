import { createHash } from "node:crypto";
import type { Limit } from "../proxy/limits/gcra.ts";

/**
 * One decision of the generic cell rate algorithm, atomic in Redis and by its clock, so that machines whose clocks differ agree.
 * KEYS: the arrival time. ARGV: interval and tolerance in µs. Answers whether it is allowed and how far the time lay ahead, in µs.
 */
export const GCRA_SCRIPT = `
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local interval = tonumber(ARGV[1])
local tolerance = tonumber(ARGV[2])
local arrival = tonumber(redis.call('GET', KEYS[1]) or now)
local ahead = arrival - now
if ahead < 0 or ahead > interval + tolerance + 5000000 then ahead = 0 end
if ahead > tolerance then return { 0, ahead } end
redis.call('SET', KEYS[1], string.format('%.2f', now + ahead + interval), 'PX', math.ceil((ahead + interval) / 1000) + 1)
return { 1, ahead }
`.trim();

export const GCRA_SHA = createHash("sha1").update(GCRA_SCRIPT).digest("hex");

const LONGEST_KEY = 64;

/** The key in Redis. A client may choose its header's value, not how much of Redis that takes: long ones are hashed. */
export function redisKey(prefix: string, { name }: Limit, key: string): string {
  const short = key.length <= LONGEST_KEY ? key : `#${createHash("sha256").update(key).digest("base64url")}`;
  return `${prefix}${name}:${short}`;
}
