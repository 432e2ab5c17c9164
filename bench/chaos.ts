/** `bun bench/chaos.ts`: endpoints that fall sick in every way under load, and what clients see of it. */
import { parseArgs } from "node:util";
import { type Outcome, runScenario, type Scenario } from "./chaos/scenario.ts";
import { KINDS, SICKNESSES } from "./chaos/sickness.ts";

const USAGE = `bun bench/chaos.ts [--edge wire,serve] [--workers 1,2] [--only sick,loyal,breaker,crowd,down,post] [--kind hang,reset,…]
  [--rate 1600] [--seconds 14.5] [--onset 2000]
  sick: one of three endpoints; loyal: its health checks stay well; breaker: with a circuit breaker;
  crowd: 128 clients that ask as fast as they can; down: all three; post: POSTs, one of three
${Object.entries(SICKNESSES)
  .map(([kind, what]) => `  ${kind.padEnd(8)} ${what}`)
  .join("\n")}`;

const TARGETS = { success: 0.999, share: 0.05, attempts: 1.2, twice: 0 } as const;
/** What a frozen or refusing endpoint took is not its checks' to hide. */
const LOYAL_KINDS = ["hang", "reset", "garbage", "slow", "crawl"] as const;
const DOWN_KINDS = ["hang", "reset", "garbage", "unwell"] as const;
const POST_KINDS = ["refuse", "hang", "reset", "garbage", "flap"] as const;

type Group = "sick" | "loyal" | "breaker" | "crowd" | "down" | "post";
type Target = keyof typeof TARGETS;

interface Row {
  readonly group: Group;
  readonly scenario: Scenario;
  readonly judged: readonly Target[];
}

const { values } = parseArgs({
  options: {
    edge: { type: "string", default: "wire,serve" },
    workers: { type: "string", default: "1,2" },
    only: { type: "string", default: "sick,loyal,breaker,crowd,down,post" },
    kind: { type: "string" },
    rate: { type: "string", default: "1600" },
    seconds: { type: "string", default: "14.5" },
    onset: { type: "string", default: "2000" },
    help: { type: "boolean", short: "h", default: false },
  },
});

function rowsFor(edge: Scenario["edge"], workers: number): Row[] {
  const one = {
    edge,
    workers,
    sick: 1,
    isLoyal: false,
    method: "GET",
    onsetMs: Number(values.onset),
    maxConnections: 1_000,
  } as const;
  const full = { ratePerSecond: Number(values.rate), seconds: Number(values.seconds) };
  const short = { ratePerSecond: 400, seconds: 6, onsetMs: 0 };
  const sick = KINDS.map((condition) => ({ ...one, ...full, condition }));
  const loyal = LOYAL_KINDS.map((condition) => ({ ...one, ...full, condition, isLoyal: true }));
  const upstream = { circuitBreaker: { failureThreshold: 5, failureRatio: 0.5, openDuration: "30s" } };
  const breaker = KINDS.map((condition) => ({ ...one, ...full, condition, upstream }));
  const crowded = { ...one, ratePerSecond: 100_000, maxConnections: 128, seconds: 13 };
  const crowd = KINDS.map((condition) => ({ ...crowded, condition, onsetMs: 500 }));
  const down = DOWN_KINDS.map((condition) => ({ ...one, ...short, condition, sick: 3 }));
  const post = POST_KINDS.map((condition) => ({
    ...one,
    ...short,
    condition,
    method: "POST" as const,
    onsetMs: 1_000,
  }));
  return [
    ...sick.map((scenario) => ({ group: "sick", scenario, judged: ["success", "share"] }) as const),
    ...loyal.map((scenario) => ({ group: "loyal", scenario, judged: ["success", "share"] }) as const),
    ...breaker.map((scenario) => ({ group: "breaker", scenario, judged: ["success", "share"] }) as const),
    ...crowd.map((scenario) => ({ group: "crowd", scenario, judged: ["success", "share"] }) as const),
    ...down.map((scenario) => ({ group: "down", scenario, judged: ["attempts"] }) as const),
    ...post.map((scenario) => ({ group: "post", scenario, judged: ["twice"] }) as const),
  ];
}

function isMet(target: Target, outcome: Outcome): boolean {
  return target === "success" ? outcome.success >= TARGETS.success : outcome[target] <= TARGETS[target];
}

const HEAD = "edge   workers  what            success   share  attempts  twice     p99  requests  verdict";

function lineOf({ group, scenario, judged }: Row, outcome: Outcome): string {
  const { load, success, share, attempts, twice } = outcome;
  const missed = judged.filter((target) => !isMet(target, outcome));
  const cells = [
    scenario.edge.padEnd(6),
    String(scenario.workers).padStart(7),
    ` ${group} ${scenario.condition}`.padEnd(16),
    `${(success * 100).toFixed(3)}%`.padStart(8),
    Number.isNaN(share) ? "      -" : `${(share * 100).toFixed(2)}%`.padStart(7),
    attempts.toFixed(3).padStart(9),
    String(twice).padStart(6),
    `${load.p99Ms.toFixed(0)} ms`.padStart(7),
    String(load.sent).padStart(9),
    missed.length === 0 ? " PASS" : ` MISS ${missed.join(", ")}`,
  ];
  const others = [...load.failures].map(([what, times]) => `${what} × ${times}`).join(", ");
  return cells.join(" ") + (others === "" ? "" : `  (${others})`);
}

async function main(): Promise<number> {
  const groups = values.only.split(",");
  const kinds = values.kind?.split(",");
  let missed = 0;
  console.log(HEAD);
  for (const edge of values.edge.split(",") as Scenario["edge"][]) {
    for (const workers of values.workers.split(",").map(Number)) {
      for (const row of rowsFor(edge, workers)) {
        if (!groups.includes(row.group) || kinds?.includes(row.scenario.condition) === false) continue;
        const outcome = await runScenario(row.scenario);
        if (!row.judged.every((target) => isMet(target, outcome))) missed++;
        console.log(lineOf(row, outcome));
      }
    }
  }
  console.log(missed === 0 ? "every target is met" : `${missed} rows miss their target`);
  return missed === 0 ? 0 : 1;
}

if (values.help) {
  console.log(USAGE);
  process.exit(0);
}
process.exit(await main());
