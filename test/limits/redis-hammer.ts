/** A process that asks Redis for decisions: `redis-hammer.ts URL MAX TRIES`; says how it went as JSON. */
import { Limit } from "../../src/proxy/limits/gcra.ts";
import { eventually } from "../kit/eventually.ts";
import { RedisRig } from "./redis-rig.ts";

const [url = "", max, tries] = process.argv.slice(2);
// The two cores are for five processes: late is not the question here.
const rig = new RedisRig(url, { deadlineMs: 10_000 });
await eventually("redis decides", () => rig.limiter.backend === "redis");
console.log("ready");
await process.stdin[Symbol.asyncIterator]().next();
const limit = new Limit("hammered", { max: Number(max), windowMs: 30 * 86_400_000 * 0.9 });
let allowed = 0;
for (let left = Number(tries); left > 0; left -= 500) {
  for (const decision of await rig.takeMany("hot", limit, 500)) if (decision.allowed) allowed++;
}
console.log(JSON.stringify({ allowed, fallbacks: rig.events.length }));
process.exit(0);
