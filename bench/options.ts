import { parseArgs } from "node:util";
import { ALL_CONTENDERS, contenderNamed } from "./contenders/all-contenders.ts";
import type { Contender } from "./contenders/contender.ts";
import { givenContender } from "./contenders/given.ts";
import type { Cores } from "./harness/cores.ts";
import { BODY_BYTES } from "./harness/workspace.ts";
import type { Effort } from "./measure.ts";

export const USAGE = `bun run bench [-- OPTIONS]: Sluice beside other proxies

  --full               every variant, longer runs, and the open loop (about 40 minutes)
  --open-loop          only the open loop: latency at 70 % of nginx's maximum
  --only A,B           these contenders: ${ALL_CONTENDERS.map((contender) => contender.name).join(", ")}
  --paths /,/10k       these paths: ${Object.keys(BODY_BYTES).join(", ")}
  --extra N=PORT=CMD   one more contender: CMD listens on PORT and forwards to 127.0.0.1:9001 (repeatable)
  --rounds N  --seconds N  --warmup N  --connections N
  --proxy-cores 0  --load-cores 1      as taskset takes them
  --out DIR            where RESULTS.md and results.svg go (default: bench; a run of a subset writes only when this is given)`;

export interface Options {
  readonly help: boolean;
  readonly contenders: readonly Contender[];
  readonly pathsOf: (contender: Contender) => readonly string[];
  readonly effort: Effort;
  readonly cores: Cores;
  readonly closedLoop: boolean;
  readonly openLoop: boolean;
  /** Undefined: print only. */
  readonly out: string | undefined;
}

const QUICK: Effort = { rounds: 3, seconds: 2, warmupSeconds: 3, connections: 64 };
const FULL: Effort = { rounds: 5, seconds: 5, warmupSeconds: 3, connections: 64 };
const OPEN_LOOP_NAMES = ["nginx", "sluice-serve", "sluice-wire"];

/** @throws an Error with one clear message for what cannot be read */
export function readOptions(args: readonly string[], benchDir: string): Options {
  const { values } = parseArgs({
    args: args.filter((arg) => arg !== "--"),
    options: {
      help: { type: "boolean", short: "h", default: false },
      full: { type: "boolean", default: false },
      "open-loop": { type: "boolean", default: false },
      only: { type: "string" },
      paths: { type: "string" },
      extra: { type: "string", multiple: true, default: [] },
      rounds: { type: "string" },
      seconds: { type: "string" },
      warmup: { type: "string" },
      connections: { type: "string" },
      "proxy-cores": { type: "string", default: "0" },
      "load-cores": { type: "string", default: "1" },
      out: { type: "string" },
    },
  });
  const basis = values.full ? FULL : QUICK;
  const onlyOpenLoop = values["open-loop"];
  const paths = values.paths?.split(",").map(knownPath);
  const subset = values.only !== undefined || paths !== undefined || onlyOpenLoop || values.extra.length > 0;
  return {
    help: values.help,
    contenders: chosen(values.only, values.extra, values.full, onlyOpenLoop),
    pathsOf: (contender) => paths ?? contender.paths,
    effort: {
      rounds: count("rounds", values.rounds, basis.rounds),
      seconds: count("seconds", values.seconds, basis.seconds),
      warmupSeconds: count("warmup", values.warmup, basis.warmupSeconds),
      connections: count("connections", values.connections, basis.connections),
    },
    cores: { proxy: values["proxy-cores"], load: values["load-cores"] },
    closedLoop: !onlyOpenLoop,
    openLoop: onlyOpenLoop || (values.full && !subset),
    out: values.out ?? (subset ? undefined : benchDir),
  };
}

function chosen(only: string | undefined, extra: readonly string[], full: boolean, openLoop: boolean): Contender[] {
  const given = extra.map(givenContender);
  const known = [...ALL_CONTENDERS, ...given];
  if (only !== undefined) {
    const named = only.split(",").map((name) => contenderNamed(name, known));
    return [...new Set([...named, ...given])];
  }
  if (openLoop) return [...OPEN_LOOP_NAMES.map((name) => contenderNamed(name)), ...given];
  return known.filter((contender) => full || contender.quick);
}

function knownPath(path: string): string {
  if (Object.hasOwn(BODY_BYTES, path)) return path;
  throw new Error(`--paths: "${path}" is none of ${Object.keys(BODY_BYTES).join(", ")}`);
}

function count(name: string, text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < (name === "warmup" ? 0 : 1)) {
    throw new Error(`--${name}: "${text}" is no count`);
  }
  return value;
}
