/** Prometheus' text format 0.0.4, or OpenMetrics 1.0. */
export type Format = "text" | "openmetrics";

export const CONTENT_TYPES: Readonly<Record<Format, string>> = {
  text: "text/plain; version=0.0.4; charset=utf-8",
  openmetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8",
};

/** One metric and its lines. */
export interface Family {
  /** As the text format has it: counters end in `_total`, an info in `_info`. */
  readonly name: string;
  readonly type: "counter" | "gauge" | "histogram" | "info";
  readonly help: string;
  /** Whole lines, a few at a time; each line's labels occur once in the family. */
  blocks(format: Format): Iterable<string>;
}

/** Counts of what was less than or equal to each bound, not yet summed up; one more for what is above all. */
export interface Buckets {
  readonly counts: ArrayLike<number>;
  /** Where in `counts` the first one stands. */
  readonly from?: number;
  readonly sum: number;
}

/** The first lines of a family. */
export function headOf({ name, type, help }: Family, format: Format): string {
  if (format === "text") {
    const text = help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
    return `# HELP ${name} ${text}\n# TYPE ${name} ${type === "info" ? "gauge" : type}\n`;
  }
  const family = type === "counter" ? name.replace(/_total$/, "") : type === "info" ? name.replace(/_info$/, "") : name;
  return `# TYPE ${family} ${type}\n# HELP ${family} ${escapeLabel(help)}\n`;
}

/** @param labels rendered ones, "" for none */
export function line(name: string, labels: string, value: number): string {
  return labels === "" ? `${name} ${numberText(value)}\n` : `${name}{${labels}} ${numberText(value)}\n`;
}

/** Labels as they stand between braces. Values may be anything. */
export function labels(values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name}="${escapeLabel(value)}"`)
    .join(",");
}

/** The words of a histogram that are the same for all of its series: thousands of them are written at a time. */
export class HistogramWords {
  readonly #name: string;
  readonly #ends: Readonly<Record<Format, readonly string[]>>;

  constructor(name: string, bounds: readonly number[]) {
    this.#name = name;
    const ends = (format: Format) => [...bounds.map((bound) => boundText(bound, format)), "+Inf"].map(endOf);
    this.#ends = { text: ends("text"), openmetrics: ends("openmetrics") };
  }

  /** All lines of one series. */
  lines(its: string, { counts, from = 0, sum }: Buckets, format: Format): string {
    const start = its === "" ? `${this.#name}_bucket{` : `${this.#name}_bucket{${its},`;
    const ends = this.#ends[format];
    let total = 0;
    let text = "";
    for (let i = 0; i < ends.length; i++) {
      total += counts[from + i]!;
      text += start + ends[i]! + total + "\n";
    }
    return text + line(`${this.#name}_sum`, its, sum) + line(`${this.#name}_count`, its, total);
  }
}

function endOf(bound: string): string {
  return `le="${bound}"} `;
}

/** What a scraper may have, of what it says it takes (RFC 9110 §12.5.1). Prometheus names both, with what it prefers. */
export function formatFor(accept: string | null): Format {
  if (accept === null) return "text";
  const openMetrics = weightOf(accept, "application/openmetrics-text");
  return openMetrics > 0 && openMetrics >= weightOf(accept, "text/plain") ? "openmetrics" : "text";
}

/** The best weight of a media range that names the type itself; 0: not named. */
function weightOf(accept: string, type: string): number {
  let best = 0;
  for (const range of accept.toLowerCase().split(",")) {
    const [name = "", ...parameters] = range.split(";").map((part) => part.trim());
    const version = parameters.find((parameter) => parameter.startsWith("version="));
    // A later major version would be another format.
    if (
      name !== type ||
      (type.endsWith("openmetrics-text") && version !== undefined && !/^version="?[01]\./.test(version))
    )
      continue;
    const q = Number(parameters.find((parameter) => parameter.startsWith("q="))?.slice(2) ?? 1);
    best = Math.max(best, Number.isNaN(q) ? 0 : q);
  }
  return best;
}

function escapeLabel(value: string): string {
  if (!/[\\"\n]/.test(value)) return value;
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

/** OpenMetrics wants floats to look like floats. */
function boundText(bound: number, format: Format): string {
  return format === "openmetrics" && Number.isInteger(bound) ? `${bound}.0` : String(bound);
}

function numberText(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
}
