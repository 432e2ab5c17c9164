/**
 * An upstream with so many places and a fixed time for each request, started by `overload.ts`. Beyond its capacity requests wait,
 * without end and without a word, as they do before a pool of threads.
 *
 *   bun bench/overload/origin-process.ts PLACES SERVICE_MS
 *
 * Prints its port.
 */
const places = Number(process.argv[2]);
const serviceMs = Number(process.argv[3]);

const waiting: (() => void)[] = [];
let busy = 0;
let first = 0;

function take(): Promise<void> | undefined {
  if (busy < places) {
    busy++;
    return undefined;
  }
  return new Promise((resolve) => waiting.push(resolve));
}

function leave(): void {
  const next = waiting[first];
  if (next === undefined) {
    busy--;
    waiting.length = first = 0;
    return;
  }
  // Its place goes to the oldest. (Not `shift`: thousands may wait.)
  waiting[first++] = undefined as never;
  next();
}

const server = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  idleTimeout: 0,
  async fetch() {
    await take();
    await Bun.sleep(serviceMs);
    leave();
    return new Response("done");
  },
});
console.log(server.port);
