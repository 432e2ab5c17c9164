/** `bun bench/overload.ts`: what is left of goodput, latency and memory when there is too much to do. */
import { parseArgs } from "node:util";
import { endChildrenWithUs } from "./harness/processes.ts";
import { createWorkspace } from "./harness/workspace.ts";
import { type Check, report } from "./overload/checks.ts";
import { overloadProxy } from "./overload/own-overload.ts";
import { overloadUpstream } from "./overload/upstream-overload.ts";

const USAGE = `bun bench/overload.ts [--only upstream|proxy] [--seconds 10]
  upstream: five times what an upstream can do, with and without limits
  proxy:    2000 connections that ask without a pause (needs nginx, wrk, and \`ulimit -n\` above 5000)`;

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    seconds: { type: "string", default: "10" },
    help: { type: "boolean", short: "h", default: false },
  },
});

async function main(): Promise<boolean> {
  const seconds = Number(values.seconds);
  const checks: Check[] = [];
  endChildrenWithUs();
  const workspace = createWorkspace();
  if (values.only !== "proxy") checks.push(...(await overloadUpstream(workspace, seconds)));
  if (values.only !== "upstream")
    for (const edge of ["wire", "serve"]) checks.push(...(await overloadProxy(workspace, edge, seconds)));
  return report(checks);
}

if (values.help) {
  console.log(USAGE);
  process.exit(0);
}
try {
  process.exit((await main()) ? 0 : 1);
} catch (error) {
  console.error(`overload: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
}
