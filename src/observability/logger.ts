import pino, { type Logger as PinoLogger } from "pino";
import { humanLine } from "./human-line.ts";

export type LogLevel = "trace" | "debug" | "info" | "warn" | "error" | "fatal" | "silent";

export interface LoggerOptions {
  readonly level: LogLevel;
  /** `json`: one object a line. `pretty`: for a person at a terminal. */
  readonly format: "json" | "pretty";
  /** The worker whose log this is, where several processes write to one standard output. */
  readonly worker?: number;
}

export type Logger = PinoLogger;

/** Fields that must never reach a log, wherever an object that is logged carries them. */
const SECRETS = ["authorization", "cookie", "password", "token", "secret", "apiKey", "key", "set-cookie", "x-api-key"];

export interface LogOutput {
  readonly log: Logger;
  /** Writes out what is buffered; call it before the process ends. */
  flush(): void;
}

const ALONE = { minLength: 4096 };
/** A pipe keeps writes of up to 4096 bytes (PIPE_BUF) in one piece: no line of one process ends up inside another's. */
const SHARED = { minLength: 3072, maxWrite: 4096 };

/** The application's log on standard output: buffered, so that a line costs no system call of its own. */
export function createLogger(options: LoggerOptions): LogOutput {
  const destination = pino.destination({ fd: 1, sync: false, ...(options.worker === undefined ? ALONE : SHARED) });
  const stream =
    options.format === "json" ? destination : { write: (line: string) => destination.write(humanLine(line)) };
  const log = pino(
    {
      level: options.level,
      base: options.worker === undefined ? undefined : { worker: options.worker },
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
