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
const CONTROL = /[\p{Cc}\u2028\u2029]/gu;

/** A JSON log line as a person reads it: time, level, message, then what else it says as `key=value`. */
export function humanLine(line: string, color = process.stdout.isTTY === true): string {
  const { time, level, msg, ...rest } = JSON.parse(line) as Record<string, unknown>;
  const clock = String(time).slice(11, 23);
  const label = String(level).toUpperCase().padEnd(5);
  const fields = Object.entries(rest)
    .map(([key, value]) => `${key}=${shown(typeof value === "object" ? JSON.stringify(value) : String(value))}`)
    .join(" ");
  const text = `${shown(String(msg ?? ""))}${fields === "" ? "" : "  "}`;
  if (!color) return `${clock} ${label} ${text}${fields}\n`;
  return `${DIM}${clock}${RESET} ${COLORS[String(level)] ?? ""}${label}${RESET} ${text}${DIM}${fields}${RESET}\n`;
}

/** Clients and upstreams write some of this: it must not begin a line of its own, nor tell the terminal what to do. */
function shown(text: string): string {
  return text.replace(CONTROL, (character) => {
    const code = character.charCodeAt(0).toString(16);
    return code.length > 2 ? `\\u${code}` : `\\x${code.padStart(2, "0")}`;
  });
}
