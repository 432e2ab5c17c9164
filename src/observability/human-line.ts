const COLORS: Readonly<Record<string, string>> = {
  trace: "\x1b[90m",
  debug: "\x1b[36m",
  info: "\x1b[32m",
  warn: "\x1b[33m",
  error: "\x1b[31m",
  fatal: "\x1b[35m",
};
const DIM = "\x1b[90m";
const RESET = "\x1b[0m";

/** A JSON log line as a person reads it: time, level, message, then what else it says as `key=value`. */
export function humanLine(line: string, color = process.stdout.isTTY === true): string {
  const { time, level, msg, ...rest } = JSON.parse(line) as Record<string, unknown>;
  const clock = String(time).slice(11, 23);
  const label = String(level).toUpperCase().padEnd(5);
  const fields = Object.entries(rest)
    .map(([key, value]) => `${key}=${typeof value === "object" ? JSON.stringify(value) : String(value)}`)
    .join(" ");
  const text = `${String(msg ?? "")}${fields === "" ? "" : "  "}`;
  if (!color) return `${clock} ${label} ${text}${fields}\n`;
  return `${DIM}${clock}${RESET} ${COLORS[String(level)] ?? ""}${label}${RESET} ${text}${DIM}${fields}${RESET}\n`;
}
