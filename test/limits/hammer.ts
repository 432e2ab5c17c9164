/** A process that works on shared memory as hard as it can: `hammer.ts take|hold PATH …`; says how it went as JSON. */
import { mapPage } from "../../src/observability/page-file.ts";
import { Limit, LocalLimiter } from "../../src/proxy/limits/gcra.ts";
import { InFlight } from "../../src/proxy/limits/in-flight.ts";
import { SharedTable } from "../../src/proxy/limits/shared-table.ts";

const [what, path = "", ...numbers] = process.argv.slice(2);
const page = mapPage(path);
console.log("ready");
// Until told: all begin together.
await process.stdin[Symbol.asyncIterator]().next();
if (what === "take") take(...(numbers.map(Number) as [number, number, number]));
else hold(...(numbers.map(Number) as [number, number, number]));
process.exit(0);

function take(max: number, tries: number, now: number): void {
  const words = new BigInt64Array(page.buffer, page.byteOffset, page.length);
  const limiter = new LocalLimiter(new SharedTable(words));
  const limit = new Limit("hammered", { max, windowMs: 3_600_000 });
  let allowed = 0;
  for (let i = 0; i < tries; i++) if (limiter.take("hot", limit, now).allowed) allowed++;
  console.log(JSON.stringify({ allowed, contended: limiter.contended }));
}

/** The last number of the page counts who holds a place at this moment. */
function hold(row: number, max: number, tries: number): void {
  const counts = new Int32Array(page.buffer, page.byteOffset, 16);
  const holders = new Int32Array(page.buffer, page.byteOffset + 64, 1);
  const gates = new InFlight(counts, 4, row);
  let most = 0;
  let held = 0;
  for (let i = 0; i < tries; i++) {
    if (!gates.tryAcquire(0, max)) continue;
    held++;
    most = Math.max(most, Atomics.add(holders, 0, 1) + 1);
    Atomics.sub(holders, 0, 1);
    gates.release(0);
  }
  console.log(JSON.stringify({ most, held }));
}
