/** `bun bench/scrape.ts`: what reading `/metrics` costs, and whether traffic feels it. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { stringify } from "yaml";
import { freePort } from "./harness/ports.ts";
import { median, percentile } from "./harness/statistics.ts";
import { runOpenLoad } from "./open-loop/generator.ts";

const USAGE = `bun bench/scrape.ts [--routes 1000] [--workers 4] [--rate 300] [--seconds 3] [--rounds 15]
  a real \`sluice start\` whose routes were all asked on every worker; light traffic with and without a scrape each second`;

const SCRAPES = 15;
const TARGETS = { scrapeMs: 50, sliceMs: 2 } as const;
/** Each lands on a worker of the kernel's choice: so many reach all of them. */
const CONNECTIONS_FOR_ALL = 24;

const { values } = parseArgs({
  options: {
    routes: { type: "string", default: "1000" },
    workers: { type: "string", default: "4" },
    rate: { type: "string", default: "300" },
    seconds: { type: "string", default: "3" },
    rounds: { type: "string", default: "15" },
    help: { type: "boolean", short: "h", default: false },
  },
});

interface Scrape {
  readonly startedAt: number;
  readonly ms: number;
  readonly bytes: number;
}

/** Wall-clock times, and what the process worked in between. */
type LongTurn = readonly [startedAt: number, endedAt: number, workedMs: number];

class Bench {
  readonly #folder = mkdtempSync(join(tmpdir(), "sluice-bench-"));
  readonly #port = freePort();
  readonly #adminPort = freePort();
  readonly #origin = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("hello") });
  readonly #probed = join(this.#folder, "turns.json");
  #proxy: ReturnType<Bench["spawn"]> | null = null;

  async start(routes: number, workers: number): Promise<void> {
    const file = join(this.#folder, "sluice.yaml");
    const upstreams = Array.from({ length: routes / 10 }, (_, i) => ({ name: `u${i}`, url: this.#origin.url.origin }));
    const configuration = {
      listeners: [{ name: "web", host: "127.0.0.1", port: this.#port }],
      admin: { port: this.#adminPort },
      store: { url: `sqlite:${join(this.#folder, "sluice.db")}` },
      workers,
      upstreams,
      routes: Array.from({ length: routes }, (_, i) => {
        const answer = i % 10 === 0 ? { upstream: `u${i / 10}` } : { respond: { body: "hello" } };
        return { name: `route-${i}`, path: `/r${i}/*`, ...answer };
      }),
      logging: { level: "error", access: "off" },
    };
    writeFileSync(file, stringify(configuration));
    this.#proxy = this.spawn(file);
    for (const deadline = Date.now() + 20_000; ; await Bun.sleep(50)) {
      const isUp = await fetch(`${this.admin}/health/ready`).then(
        ({ ok }) => ok,
        () => false,
      );
      if (isUp) return;
      if (Date.now() > deadline || this.#proxy.exitCode !== null) throw new Error("sluice did not start");
    }
  }

  get admin(): string {
    return `http://127.0.0.1:${this.#adminPort}`;
  }

  spawn(file: string) {
    const preload = join(import.meta.dir, "scrape", "probe.ts");
    const main = join(import.meta.dir, "..", "src", "main.ts");
    return Bun.spawn([process.execPath, "--preload", preload, main, "start", "--config", file], {
      env: { ...process.env, PROBE_FILE: this.#probed },
      stdio: ["ignore", "ignore", "inherit"],
    });
  }

  /** Every route is asked, in a few ways, on every worker. */
  async fill(routes: number): Promise<void> {
    const paths = Array.from({ length: routes }, (_, i) => `/r${i}/x`);
    const ask = async (method: string) => {
      const socket = new RawLane(this.#port);
      for (const path of paths) await socket.ask(method, path);
      socket.close();
    };
    for (let i = 0; i < CONNECTIONS_FOR_ALL; i++) await ask(["GET", "POST", "DELETE"][i % 3]!);
  }

  load(ratePerSecond: number, seconds: number) {
    const url = `http://127.0.0.1:${this.#port}/r1/x`;
    return runOpenLoad({ url, ratePerSecond, seconds, warmupSeconds: 1, connections: 32 });
  }

  async scrapes(seconds: number): Promise<Scrape[]> {
    const scraper = join(import.meta.dir, "scrape", "scraper.ts");
    const child = Bun.spawn([process.execPath, scraper, `${this.admin}/metrics`, String(seconds)], { stdout: "pipe" });
    const rows = JSON.parse(await new Response(child.stdout).text()) as Array<[number, number, number]>;
    return rows.map(([startedAt, ms, bytes]) => ({ startedAt, ms, bytes }));
  }

  /** The long turns of the process that answers scrapes, while `work` goes on. */
  async watched<T>(work: () => Promise<T>): Promise<{ result: T; turns: LongTurn[] }> {
    this.#proxy!.kill("SIGUSR1");
    const result = await work();
    this.#proxy!.kill("SIGUSR2");
    await Bun.sleep(200);
    return { result, turns: JSON.parse(readFileSync(this.#probed, "utf8")) as LongTurn[] };
  }

  async stop(): Promise<void> {
    this.#proxy?.kill();
    await this.#proxy?.exited;
    await this.#origin.stop(true);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** One kept-alive connection that asks one thing after the other. */
class RawLane {
  readonly #socket;
  #answered: () => void = () => undefined;

  constructor(port: number) {
    const data = (_: unknown, bytes: Uint8Array) => {
      // Replies are a few hundred bytes and come in one piece; a body ends them.
      if (Buffer.from(bytes).toString("latin1").endsWith("hello")) this.#answered();
    };
    this.#socket = Bun.connect({ hostname: "127.0.0.1", port, socket: { data } });
  }

  async ask(method: string, path: string): Promise<void> {
    const answered = new Promise<void>((resolve) => (this.#answered = resolve));
    (await this.#socket).write(`${method} ${path} HTTP/1.1\r\nHost: bench\r\nContent-Length: 0\r\n\r\n`);
    await answered;
  }

  close(): void {
    void this.#socket.then((socket) => socket.end());
  }
}

const ms = (value: number) => `${value.toFixed(2)} ms`;

function row(what: string, value: string, isMet: boolean | null): void {
  console.log(`${what.padEnd(62)} ${value.padStart(12)}  ${isMet === null ? "" : isMet ? "PASS" : "MISS"}`);
}

/** What the process did while a scrape went on. */
function workIn({ startedAt, ms: took }: Scrape, turns: readonly LongTurn[]): { sum: number; worst: number } {
  const within = turns
    .filter(([from, to]) => to >= startedAt && from <= startedAt + took)
    .map(([, , worked]) => worked);
  return { sum: within.reduce((a, b) => a + b, 0), worst: Math.max(0, ...within) };
}

/** Light traffic with and without scrapes, in turns, so that what else the machine does falls on both. */
async function compareTraffic(bench: Bench): Promise<void> {
  const [seconds, rate] = [Number(values.seconds), Number(values.rate)];
  const bare: number[] = [];
  const scraped: number[] = [];
  const runs = [
    async () => bare.push((await bench.load(rate, seconds)).p99Ms),
    async () => scraped.push((await Promise.all([bench.load(rate, seconds), bench.scrapes(seconds + 1)]))[0].p99Ms),
  ];
  for (let round = 0; round < Number(values.rounds); round++)
    for (const run of round % 2 === 0 ? runs : runs.toReversed()) await run();
  const [usual, most] = [0.5, 0.75].map((share) =>
    percentile(
      bare.toSorted((a, b) => a - b),
      share,
    ),
  ) as [number, number];
  row("p99 of traffic without scrapes: the median round", ms(usual), null);
  row("… what three rounds of four stay below", ms(most), null);
  row("p99 with a scrape each second: the median round", ms(median(scraped)), median(scraped) <= most);
}

async function measureScrapes(bench: Bench): Promise<void> {
  // Compiled code, and no heap that grows.
  await bench.scrapes(5);
  const quiet = (await bench.scrapes(SCRAPES)).map((scrape) => scrape.ms);
  const { result: watched, turns } = await bench.watched(() => bench.scrapes(SCRAPES));
  const work = watched.map((scrape) => workIn(scrape, turns));
  const [sums, worst] = [work.map(({ sum }) => sum), work.map((each) => each.worst)];
  row("page", `${((watched[0]?.bytes ?? 0) / 1024).toFixed(0)} KiB`, null);
  row("a scrape: median", ms(median(quiet)), median(quiet) < TARGETS.scrapeMs);
  row("a scrape: the fastest", ms(Math.min(...quiet)), null);
  row("work of the process that answers, in a scrape: median", ms(median(sums)), null);
  row("its longest slice in a scrape: median", ms(median(worst)), median(worst) <= TARGETS.sliceMs);
  row("its longest slice in a scrape: worst", ms(Math.max(...worst)), null);
}

if (values.help) {
  console.log(USAGE);
  process.exit(0);
}
const bench = new Bench();
try {
  await bench.start(Number(values.routes), Number(values.workers));
  await bench.fill(Number(values.routes));
  const [load = 0] = loadavg();
  console.log(`${values.routes} routes, ${values.workers} workers; the machine's load before: ${load.toFixed(1)}`);
  await measureScrapes(bench);
  await compareTraffic(bench);
} finally {
  await bench.stop();
}
process.exit(0);
