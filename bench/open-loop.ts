/** `bun bench/open-loop.ts URL --rate N`: a fixed-rate HTTP/1.1 load generator for one core. */
import { parseArgs } from "node:util";
import { type OpenLoadResult, runOpenLoad } from "./open-loop/generator.ts";

const USAGE = `bun bench/open-loop.ts http://HOST:PORT/PATH --rate REQUESTS_PER_SECOND
  --seconds 10  --warmup 2  --connections 128  --json`;

function text(result: OpenLoadResult, rate: number): string {
  const ms = (value: number): string => `${value.toFixed(3)} ms`;
  return `p50 ${ms(result.p50Ms)}  p90 ${ms(result.p90Ms)}  p99 ${ms(result.p99Ms)}  p99.9 ${ms(result.p999Ms)}
${result.achievedPerSecond.toFixed(0)} of ${rate} requests/s  ${result.unanswered} unanswered  ${result.failed} failed
the generator itself sent at most ${ms(result.lagP99Ms)} late (p99)`;
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      rate: { type: "string" },
      seconds: { type: "string", default: "10" },
      warmup: { type: "string", default: "2" },
      connections: { type: "string", default: "128" },
      json: { type: "boolean", default: false },
    },
  });
  const [url] = positionals;
  const rate = Number(values.rate);
  if (url === undefined || !url.startsWith("http://") || !(rate > 0)) {
    console.error(USAGE);
    return 2;
  }
  const result = await runOpenLoad({
    url,
    ratePerSecond: rate,
    seconds: Number(values.seconds),
    warmupSeconds: Number(values.warmup),
    connections: Number(values.connections),
  });
  console.log(values.json ? JSON.stringify(result) : text(result, rate));
  return 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(`open-loop: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
