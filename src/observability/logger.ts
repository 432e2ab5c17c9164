import pino, { type Logger as PinoLogger } from "pino";
import { humanLine } from "./human-line.ts";
import { LineWriter } from "./line-writer.ts";

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

const ALONE_BYTES = 16 * 1024;
/** A pipe keeps writes of up to PIPE_BUF bytes in one piece: no line of one process ends up inside another's. */
const SHARED_BYTES = 4096;
const FLUSH_MS = 200;

/** The application's log on standard output: buffered, so that a line costs no system call of its own. */
export function createLogger(options: LoggerOptions): LogOutput {
  const writer = new LineWriter({ fd: 1, pieceBytes: options.worker === undefined ? ALONE_BYTES : SHARED_BYTES });
  const stream = options.format === "json" ? writer : { write: (line: string) => writer.write(humanLine(line)) };
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
  const timer = setInterval(() => writer.flush(), FLUSH_MS);
  timer.unref();
  return { log, flush: () => writer.flushSync() };
}
