import type { Contender } from "../contenders/contender.ts";
import { type Cores, sharesCore } from "../harness/cores.ts";
import { BODY_BYTES } from "../harness/workspace.ts";
import { type Comparison, type Effort, medians } from "../measure.ts";
import type { OpenLoopComparison } from "../open-loop/compare-open-loop.ts";
import { busyShare, pathsOf, ratio, standings } from "./ratio.ts";

/** A Sluice option beside what it is added to: [the option, without it]. */
const OPTION_PAIRS: readonly (readonly [string, string])[] = [
  ["sluice-serve", "sluice-wire"],
  ["sluice-wire-log", "sluice-wire"],
  ["sluice-wire-10k-routes", "sluice-wire"],
  ["sluice-wire-w2", "sluice-wire"],
];

export interface Report {
  readonly contenders: readonly Contender[];
  readonly effort: Effort;
  readonly cores: Cores;
  readonly machine: readonly string[];
  readonly closed: Comparison | undefined;
  readonly open: OpenLoopComparison | undefined;
}

export function resultsMarkdown(report: Report): string {
  const { closed, open } = report;
  const sections = [
    head(report),
    ...(closed === undefined ? [] : pathsOf(closed).map((path) => pathTable(closed, report.contenders, path))),
    closed === undefined ? "" : optionTable(closed),
    open === undefined ? "" : openLoopTable(open),
    leftOut(new Map([...(closed?.left ?? []), ...(open?.left ?? [])])),
    notes(report),
  ];
  return `${sections.filter((section) => section !== "").join("\n\n")}\n`;
}

function head({ effort, cores, machine, closed }: Report): string {
  const { rounds, seconds, warmupSeconds, connections } = effort;
  const chart = closed === undefined ? "" : "\n\n![CPU per request as a multiple of nginx's](results.svg)";
  return `# Results

Written by \`bun run bench\`; [README.md](README.md) says how to read it. Ratios (×) are to nginx in the same run: they carry
from machine to machine, the absolute figures do not.${chart}

${machine.map((line) => `- ${line}`).join("\n")}
- proxy on core ${cores.proxy}, origin and load on core ${cores.load}; ${connections} connections
- medians of ${rounds} interleaved round${rounds === 1 ? "" : "s"} of ${seconds} s after ${warmupSeconds} s of warm-up, a fresh process each`;
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(header), line(header.map((_, index) => (index === 0 ? "---" : "--:"))), ...rows.map(line)].join("\n");
}

function pathTable(comparison: Comparison, contenders: readonly Contender[], path: string): string {
  const rows = standings(comparison, contenders, path).map(({ name, figures, reference }) => [
    name,
    figures.cpuMicroseconds.toFixed(1),
    ratio(figures.cpuMicroseconds, reference?.cpuMicroseconds),
    figures.requestsPerSecond.toFixed(0),
    ratio(figures.requestsPerSecond, reference?.requestsPerSecond),
    figures.p99Ms.toFixed(2),
    ratio(figures.p99Ms, reference?.p99Ms),
    figures.residentMib.toFixed(0),
    `${(busyShare(figures) * 100).toFixed(0)} %`,
    failureCount(comparison, name, path),
  ]);
  const header = ["", "CPU µs/request", "×", "requests/s", "×", "p99 ms", "×", "RSS MiB", "busy", "errors"];
  return `## ${sizeName(path)}\n\n${table(header, rows)}`;
}

function sizeName(path: string): string {
  const bytes = BODY_BYTES[path] ?? 0;
  if (bytes < 1024) return `${bytes} B`;
  return bytes < 2 ** 20 ? `${bytes / 1024} KB` : `${bytes / 2 ** 20} MB`;
}

function failureCount(comparison: Comparison, name: string, path: string): string {
  const failed = comparison.runs.filter((run) => run.contender === name && run.path === path && run.failures !== "");
  return failed.length === 0 ? "none" : `in ${failed.length} runs`;
}

function optionTable({ runs }: Comparison): string {
  const rows = OPTION_PAIRS.flatMap(([option, without]) => {
    const [mine, base] = [medians(runs, option, "/"), medians(runs, without, "/")];
    if (mine === undefined || base === undefined) return [];
    const cpu = ratio(mine.cpuMicroseconds, base.cpuMicroseconds);
    return [[`${option} / ${without}`, cpu, ratio(mine.requestsPerSecond, base.requestsPerSecond)]];
  });
  if (rows.length === 0) return "";
  return `## Sluice beside itself, 27 B\n\n${table(["", "CPU per request", "requests/s"], rows)}`;
}

function openLoopTable({ ratePerSecond, shareOfMaximum, rows }: OpenLoopComparison): string {
  const nginx = rows.find((row) => row.contender === "nginx")?.result;
  const cells = rows.map(({ contender, result }) => [
    contender,
    ...[result.p50Ms, result.p90Ms, result.p99Ms].map((value) => value.toFixed(2)),
    ratio(result.p99Ms, nginx?.p99Ms),
    result.p999Ms.toFixed(2),
    result.achievedPerSecond.toFixed(0),
    result.lagP99Ms.toFixed(2),
    result.failed + result.unanswered === 0 ? "none" : String(result.failed + result.unanswered),
  ]);
  const header = ["", "p50 ms", "p90 ms", "p99 ms", "p99 ×", "p99.9 ms", "requests/s", "generator late ms", "errors"];
  const share = `${(shareOfMaximum * 100).toFixed(0)} % of nginx's maximum`;
  const doubtful = rows.some(({ result }) => result.lagP99Ms > result.p99Ms / 2);
  const doubt = doubtful
    ? "\n\nThe generator was late by a good part of p99: the ratio is flattened by it. A machine with a core more says it sharper."
    : "";
  return `## Open loop, 27 B, ${ratePerSecond} requests/s (${share})\n\n${table(header, cells)}${doubt}`;
}

function leftOut(left: ReadonlyMap<string, string>): string {
  if (left.size === 0) return "";
  return `## Left out\n\n${[...left].map(([name, reason]) => `- ${name}: ${reason}`).join("\n")}`;
}

function notes({ contenders, cores }: Report): string {
  const cramped = contenders.filter((contender) => contender.cores > 1 && sharesCore(cores, contender.cores));
  if (cramped.length === 0) return "";
  const names = cramped.map((contender) => contender.name).join(", ");
  return `This machine has no core left for ${names}: its second worker shares one with origin and load.`;
}
