/** A small bar chart as SVG: CPU per request as a multiple of nginx's, one group a body size. Readable on light and dark. */
import type { Contender } from "../contenders/contender.ts";
import type { Comparison } from "../measure.ts";
import { BODY_BYTES } from "../harness/workspace.ts";
import { pathsOf, standings } from "./ratio.ts";

const WIDTH = 720;
const LABEL_WIDTH = 150;
const BAR_HEIGHT = 14;
const ROW_HEIGHT = 20;
const GROUP_GAP = 34;
const TOP = 40;
const VALUE_WIDTH = 100;
/** Longer bars are cut here, so that one slow peer does not flatten the others; the figure beside the bar is exact. */
const LONGEST_RATIO = 6;

interface Bar {
  readonly name: string;
  readonly ratio: number;
}

interface Group {
  readonly title: string;
  readonly bars: readonly Bar[];
}

const STYLE = `
    text { font: 12px system-ui, sans-serif; fill: #1f2933 }
    .title { font-weight: 600 } .group { font-weight: 600; fill: #52606d }
    .peer { fill: #9aa5b1 } .sluice { fill: #0b7fab } .one { stroke: #52606d; stroke-dasharray: 3 3 }
    @media (prefers-color-scheme: dark) {
      text { fill: #e4e7eb } .group { fill: #9aa5b1 } .peer { fill: #616e7c } .sluice { fill: #40c3f7 } .one { stroke: #9aa5b1 }
    }
  `;

/** The SVG's text; undefined when nothing can be compared. */
export function cpuChart(comparison: Comparison, contenders: readonly Contender[]): string | undefined {
  const groups = pathsOf(comparison)
    .map((path) => groupOf(comparison, contenders, path))
    .filter((group) => group.bars.length > 1);
  if (groups.length === 0) return undefined;
  const longest = Math.min(LONGEST_RATIO, Math.max(...groups.flatMap(({ bars }) => bars.map((bar) => bar.ratio))));
  const scale = (WIDTH - LABEL_WIDTH - VALUE_WIDTH) / longest;
  let y = TOP;
  const parts: string[] = [];
  for (const group of groups) {
    parts.push(drawGroup(group, y, scale));
    y += group.bars.length * ROW_HEIGHT + GROUP_GAP;
  }
  return svg(parts, y - GROUP_GAP + 24);
}

function groupOf(comparison: Comparison, contenders: readonly Contender[], path: string): Group {
  const bytes = BODY_BYTES[path] ?? 0;
  const bars = standings(comparison, contenders, path).flatMap(({ name, figures, reference }) =>
    reference === undefined ? [] : [{ name, ratio: figures.cpuMicroseconds / reference.cpuMicroseconds }],
  );
  return { title: `${bytes.toLocaleString("en")} bytes`, bars: bars.filter((bar) => Number.isFinite(bar.ratio)) };
}

function drawGroup({ title, bars }: Group, top: number, scale: number): string {
  const rows = bars.map((bar, index) => drawBar(bar, top + 10 + index * ROW_HEIGHT, scale));
  const one = LABEL_WIDTH + scale;
  const bottom = top + 10 + bars.length * ROW_HEIGHT;
  const line = `<line class="one" x1="${px(one)}" x2="${px(one)}" y1="${top + 6}" y2="${bottom}"/>`;
  return `<text class="group" x="${LABEL_WIDTH}" y="${top}">${title}</text>${rows.join("")}${line}`;
}

function drawBar({ name, ratio }: Bar, y: number, scale: number): string {
  const length = Math.min(ratio, LONGEST_RATIO) * scale;
  const kind = name.startsWith("sluice") ? "sluice" : "peer";
  const base = y + BAR_HEIGHT - 3;
  return `
  <text x="${LABEL_WIDTH - 8}" y="${base}" text-anchor="end">${name}</text>
  <rect class="${kind}" x="${LABEL_WIDTH}" y="${y}" width="${px(length)}" height="${BAR_HEIGHT}" rx="2"/>
  <text x="${px(LABEL_WIDTH + length + 6)}" y="${base}">×${ratio.toFixed(2)}${ratio > LONGEST_RATIO ? " (cut)" : ""}</text>`;
}

function px(value: number): string {
  return value.toFixed(1);
}

function svg(parts: readonly string[], height: number): string {
  const title = "CPU per request as a multiple of nginx's (shorter is better)";
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${title}">
  <style>${STYLE}</style>
  <text class="title" x="8" y="18">${title}</text>
  ${parts.join("\n  ")}
</svg>
`;
}
