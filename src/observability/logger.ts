import pino, { type Logger as PinoLogger } from "pino";
import { humanLine } from "./human-line.ts";

export type LogLevel = "trace" | "debug" | "info" | "warn" | "error" | "fatal" | "silent";

export interface LoggerOptions {
  readonly level: LogLevel;
  /** `json`: one object a line. `pretty`: for a person at a terminal. */
  readonly format: "json" | "pretty";
}

export type Logger = PinoLogger;

/** Fields that must never reach a log, wherever an object that is logged carries them. */
const SECRETS = ["authorization", "cookie", "password", "token", "secret", "apiKey", "key", "set-cookie", "x-api-key"];

export interface LogOutput {
  readonly log: Logger;
  /** Writes out what is buffered; call it before the process ends. */
  flush(): void;
}

/** The application's log on standard output: buffered, so that a line costs no system call of its own. */
export function createLogger(options: LoggerOptions): LogOutput {
  const destination = pino.destination({ fd: 1, sync: false, minLength: 4096 });
  const stream =
    options.format === "json" ? destination : { write: (line: string) => destination.write(humanLine(line)) };
  const log = pino(
    {
      level: options.level,
      base: undefined,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: SECRETS.flatMap((name) => [`["${name}"]`, `*["${name}"]`]), censor: "[redacted]" },
    },
    stream,
  );
  const timer = setInterval(() => destination.flush(), 200);
  timer.unref();
  return { log, flush: () => flushQuietly(destination) };
}

// A reader that went away (`sluice start | head`) must not turn the end of the process into an error.
function flushQuietly(destination: { flushSync(): void }): void {
  try {
    destination.flushSync();
  } catch {
    // nobody is left to tell
  }
}
