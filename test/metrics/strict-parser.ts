/** Reads an exposition and believes nothing: whatever the formats forbid is an error with its line. */

export interface ParsedFamily {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly samples: ParsedSample[];
}

export interface ParsedSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const NAME = "[a-zA-Z_][a-zA-Z0-9_]*";
const SAMPLE = new RegExp(`^(${NAME})(?:\\{(.*)\\})? (\\S+)$`, "s");
const LABEL = new RegExp(`(${NAME})="((?:[^"\\\\\\n]|\\\\[\\\\"n])*)"(,|$)`, "y");
const NUMBER = /^(?:NaN|[+-]Inf|[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)$/;
const SUFFIXES: Readonly<Record<string, readonly string[]>> = {
  histogram: ["_bucket", "_sum", "_count"],
  counter: [""],
  gauge: [""],
};
const OPEN_SUFFIXES = { ...SUFFIXES, counter: ["_total"], info: ["_info"] };

export function parseStrictly(text: string, format: "text" | "openmetrics"): ParsedFamily[] {
  if (!text.endsWith("\n")) throw new Error("the last line does not end");
  const lines = text.slice(0, -1).split("\n");
  if (format === "openmetrics" && lines.pop() !== "# EOF") throw new Error("it does not end with # EOF");
  const families = new Map<string, ParsedFamily>();
  const series = new Set<string>();
  let current = null as { name: string; type: string; help: string; samples: ParsedSample[] } | null;
  for (const [i, line] of lines.entries()) {
    const fail = (why: string) => new Error(`line ${i + 1}: ${why}: ${line}`);
    const comment = /^# (HELP|TYPE) (\S+) (.*)$/s.exec(line);
    if (comment !== null) {
      const [, kind, name, rest] = comment as unknown as [string, "HELP" | "TYPE", string, string];
      if (!new RegExp(`^${NAME}$`).test(name)) throw fail("a family's name is no name");
      if (current === null || current.name !== name) {
        if (families.has(name)) throw fail("the family was there already");
        current = { name, type: "", help: "", samples: [] };
        families.set(name, current);
      }
      if (current.samples.length > 0) throw fail("it stands behind samples of its family");
      const field = kind === "HELP" ? "help" : "type";
      if (current[field] !== "") throw fail(`a second ${kind}`);
      if (rest === "") throw fail(`an empty ${kind}`);
      current[field] = rest;
      continue;
    }
    if (line.startsWith("#") || line === "") throw fail("neither a sample nor HELP nor TYPE");
    if (current === null || current.type === "" || current.help === "") throw fail("a sample without TYPE and HELP");
    const sample = parseSample(line, fail);
    const suffixes = (format === "text" ? SUFFIXES : OPEN_SUFFIXES)[current.type as "counter"];
    if (suffixes === undefined) throw fail(`no type: ${current.type}`);
    const { name } = current;
    if (!suffixes.some((suffix) => sample.name === name + suffix)) throw fail(`it is not of the family ${name}`);
    const key = `${sample.name} ${JSON.stringify(Object.entries(sample.labels).sort())}`;
    if (series.has(key)) throw fail("the series was there already");
    series.add(key);
    if (current.type === "counter" && !(sample.value >= 0)) throw fail("a counter below zero");
    if ("le" in sample.labels && format === "openmetrics" && /^\d+$/.test(sample.labels["le"]!))
      throw fail("le is no float");
    current.samples.push(sample);
  }
  const all = [...families.values()];
  for (const family of all) {
    if (family.samples.length === 0) throw new Error(`${family.name} has no samples`);
    if (family.type === "histogram") checkHistogram(family);
  }
  return all;
}

function parseSample(line: string, fail: (why: string) => Error): ParsedSample {
  const [, name, inside, number] = SAMPLE.exec(line) ?? [];
  if (name === undefined || number === undefined) throw fail("no sample");
  if (!NUMBER.test(number)) throw fail("no number");
  const labels: Record<string, string> = {};
  LABEL.lastIndex = 0;
  for (const end = inside?.length ?? 0; LABEL.lastIndex < end;) {
    const [, label, value] = LABEL.exec(inside!) ?? [];
    if (label === undefined) throw fail("no labels");
    if (label in labels) throw fail(`two labels ${label}`);
    if (label.startsWith("__")) throw fail("a reserved label");
    labels[label] = value!.replaceAll(/\\(.)/g, (_, c: string) => (c === "n" ? "\n" : c));
  }
  return { name, labels, value: Number(number.replace("Inf", "Infinity")) };
}

function checkHistogram({ name, samples }: ParsedFamily): void {
  const groups = Map.groupBy(samples, ({ labels }) => {
    return JSON.stringify(
      Object.entries(labels)
        .filter(([label]) => label !== "le")
        .sort(),
    );
  });
  for (const [key, group] of groups) {
    const fail = (why: string) => new Error(`${name} ${key}: ${why}`);
    const buckets = group.filter((sample) => sample.name === `${name}_bucket`);
    let [bound, count] = [Number.NEGATIVE_INFINITY, 0];
    for (const { labels, value } of buckets) {
      const le = Number(labels["le"]!.replace("Inf", "Infinity"));
      if (!(le > bound)) throw fail("bounds do not rise");
      if (!(value >= count)) throw fail(`it falls at ${labels["le"]}`);
      [bound, count] = [le, value];
    }
    if (bound !== Number.POSITIVE_INFINITY) throw fail("no +Inf");
    const of = (suffix: string) => group.filter((sample) => sample.name === name + suffix).map(({ value }) => value);
    if (of("_count").length !== 1 || of("_count")[0] !== count) throw fail("_count is not +Inf");
    if (of("_sum").length !== 1) throw fail("no _sum");
  }
}
