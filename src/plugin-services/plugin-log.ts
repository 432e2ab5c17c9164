import type { Log } from "../contract/services.ts";
import type { Logger } from "../observability/logger.ts";

type Fields = Readonly<Record<string, unknown>>;
type Level = keyof Log;

/** What the logger itself writes: a plugin's fields of these names would stand in the line twice. */
const TAKEN = ["level", "time", "msg", "worker"];

/** Plugins' way into the log; `fields` stand in every line and win over a line's own. */
export function pluginLog(log: Logger, fields: Fields): Log {
  const write = (level: Level) => (message: string, more?: Fields) => {
    if (!log.isLevelEnabled(level)) return;
    log[level](more === undefined ? fields : { ...renamed(more), ...fields }, String(message));
  };
  return { debug: write("debug"), info: write("info"), warn: write("warn"), error: write("error") };
}

function renamed(fields: Fields): Fields {
  if (!TAKEN.some((name) => name in fields)) return fields;
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [TAKEN.includes(name) ? `${name}_` : name, value]),
  );
}
