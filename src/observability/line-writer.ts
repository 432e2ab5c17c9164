import { write, writeSync } from "node:fs";

export interface LineWriterOptions {
  readonly fd: number;
  /** Lines leave in pieces of at most so many bytes; a longer line is a piece of its own. */
  readonly pieceBytes: number;
}

/** Lines that nobody reads are kept up to here; then new ones are left out. */
const MOST_BYTES = 16 * 1024 * 1024;
const RETRY_MS = 10;
/** What the end of a process may wait for a reader. */
const LAST_TRIES = 100;

/**
 * Buffered whole lines: a line costs no system call, a slow reader no event loop, and a reader that went away ends the writing
 * and nothing else. (sonic-boom, pino's own, waits for ever in `flushSync` when the pipe is broken.)
 */
export class LineWriter {
  readonly #options: LineWriterOptions;
  /** The last one is being filled. */
  readonly #pieces: string[] = [];
  #lastBytes = 0;
  #bytes = 0;
  #writing = false;
  /** Turned away by a full pipe, to be tried again. */
  #turnedAway: Buffer | null = null;
  #broken = false;

  constructor(options: LineWriterOptions) {
    this.#options = options;
  }

  write(line: string): void {
    const bytes = Buffer.byteLength(line);
    if (this.#broken || this.#bytes + bytes > MOST_BYTES) return;
    this.#bytes += bytes;
    if (this.#pieces.length === 0 || this.#lastBytes + bytes > this.#options.pieceBytes) {
      this.#pieces.push(line);
      this.#lastBytes = bytes;
      if (this.#pieces.length > 1) this.flush();
    } else {
      this.#pieces[this.#pieces.length - 1] += line;
      this.#lastBytes += bytes;
    }
  }

  /** Starts to write what there is. */
  flush(): void {
    if (this.#writing || this.#pieces.length === 0) return;
    this.#writing = true;
    this.#send(this.#take());
  }

  /** Writes everything before it returns, unless the reader is gone or does not read. */
  flushSync(): void {
    const rest = this.#turnedAway === null ? [] : [this.#turnedAway];
    this.#turnedAway = null;
    while (this.#pieces.length > 0) rest.push(this.#take());
    for (const chunk of rest) if (!this.#broken) this.#sendNow(chunk);
  }

  #take(): Buffer {
    const chunk = Buffer.from(this.#pieces.shift()!);
    this.#bytes -= chunk.length;
    return chunk;
  }

  #send(chunk: Buffer): void {
    write(this.#options.fd, chunk, 0, chunk.length, null, (error, written) => {
      if (error?.code === "EAGAIN") return this.#tryLater(chunk);
      if (error !== null && error !== undefined) return this.#break();
      if (written < chunk.length) return this.#send(chunk.subarray(written));
      this.#writing = false;
      if (this.#pieces.length > 1) this.flush();
    });
  }

  #tryLater(chunk: Buffer): void {
    this.#turnedAway = chunk;
    setTimeout(() => {
      if (this.#turnedAway !== chunk) return;
      this.#turnedAway = null;
      this.#send(chunk);
    }, RETRY_MS);
  }

  #sendNow(chunk: Buffer): void {
    let at = 0;
    for (let tries = 0; at < chunk.length && tries < LAST_TRIES;) {
      try {
        at += writeSync(this.#options.fd, chunk, at);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EAGAIN") return this.#break();
        tries++;
        Bun.sleepSync(RETRY_MS);
      }
    }
    if (at < chunk.length) this.#break();
  }

  #break(): void {
    this.#broken = true;
    this.#writing = false;
    this.#pieces.length = 0;
    this.#turnedAway = null;
  }
}
