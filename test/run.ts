/**
 * `bun run test`: everything that must hold before a commit, step by step, and one line at the end that says how it went.
 * Each step before the tests counts as one check.
 */
import { join } from "node:path";
import { haveServices, thisMachine } from "./services.ts";

const ROOT = join(import.meta.dir, "..");
const BUN = process.execPath;
/** Of one test, where it does not say: a machine that others use, too, is slow at times. */
const PATIENCE_MS = "30000";

interface Tally {
  passed: number;
  failed: number;
  skipped: number;
}

interface Step {
  readonly name: string;
  readonly command: readonly string[];
  /** Shows output as it comes: for steps that take long. */
  readonly live?: true;
  /** What it counts for; without it a step is one check. */
  readonly count?: (output: string, code: number) => Tally;
}

const STEPS: readonly Step[] = [
  { name: "types", command: [BUN, "check"] },
  { name: "format", command: [BUN, "fmt", "--check"] },
  { name: "lint", command: [BUN, "x", "--no-install", "oxlint", "--quiet"] },
  {
    name: "tests",
    command: [BUN, "test", "--timeout", PATIENCE_MS, ...process.argv.slice(2)],
    live: true,
    count: countTests,
  },
];

const missing = await haveServices(thisMachine());
for (const line of missing) console.log(`tests will be skipped that need ${line}`);

const total: Tally = { passed: 0, failed: 0, skipped: 0 };
for (const [at, step] of STEPS.entries()) {
  const started = performance.now();
  console.log(`[${at + 1}/${STEPS.length}] ${step.name}: ${shown(step.command)}`);
  const { code, output } = await run(step);
  const tally = step.count?.(output, code) ?? { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0 };
  if (tally.failed > 0 && step.live === undefined) console.log(output.trimEnd());
  const verdict = tally.failed === 0 ? "ok" : "FAILED";
  console.log(
    `[${at + 1}/${STEPS.length}] ${step.name}: ${verdict} (${((performance.now() - started) / 1000).toFixed(1)} s)`,
  );
  total.passed += tally.passed;
  total.failed += tally.failed;
  total.skipped += tally.skipped;
}
for (const line of missing) console.log(`tests were skipped that need ${line}`);
const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : "";
console.log(`${total.passed} passed, ${total.failed} failed${skipped}`);
process.exit(total.failed === 0 ? 0 : 1);

async function run(step: Step): Promise<{ code: number; output: string }> {
  const child = Bun.spawn([...step.command], {
    cwd: ROOT,
    env: { ...process.env, FORCE_COLOR: "0", NO_COLOR: "1" },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  let output = "";
  const take = async (stream: ReadableStream<Uint8Array>) => {
    const decoder = new TextDecoder();
    for await (const bytes of stream) {
      const text = decoder.decode(bytes, { stream: true });
      output += text;
      if (step.live) process.stdout.write(text);
    }
  };
  await Promise.all([take(child.stdout), take(child.stderr)]);
  return { code: await child.exited, output };
}

/** From `bun test`'s summary. A run that ends otherwise than its counts say has failed once more: a crash, an error between tests. */
function countTests(output: string, code: number): Tally {
  const count = (word: string) => Number(new RegExp(`^\\s*(\\d+) ${word}$`, "m").exec(output)?.[1] ?? 0);
  const tally: Tally = { passed: count("pass"), failed: count("fail"), skipped: count("skip") + count("todo") };
  const ran = /^Ran \d+ tests? across \d+ files?\./m.test(output);
  if (tally.failed === 0 && (code !== 0 || !ran || tally.passed === 0)) tally.failed = 1;
  return tally;
}

function shown(command: readonly string[]): string {
  return ["bun", ...command.slice(1)].join(" ");
}
