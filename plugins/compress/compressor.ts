import type { Transform as NodeTransform } from "node:stream";
import { constants, createBrotliCompress, createGzip, createZstdCompress } from "node:zlib";
import type { ChunkTransform } from "sluice";
import type { Coding } from "./accept-encoding.ts";

export interface Levels {
  readonly gzip: number;
  readonly br: number;
  readonly zstd: number;
}

type Flushing = NodeTransform & { flush(done: () => void): void };
type Push = (bytes: Uint8Array) => void;

const START: Readonly<Record<Coding, (level: number) => Flushing>> = {
  gzip: (level) => createGzip({ level }) as Flushing,
  // A window of 256 KiB instead of 4 MiB: memory is per reply.
  br: (level) =>
    createBrotliCompress({
      params: { [constants.BROTLI_PARAM_QUALITY]: level, [constants.BROTLI_PARAM_LGWIN]: 18 },
    }) as Flushing,
  // RFC 9659: browsers take windows of at most 8 MiB; this is 512 KiB.
  zstd: (level) =>
    createZstdCompress({
      params: { [constants.ZSTD_c_compressionLevel]: level, [constants.ZSTD_c_windowLog]: 19 },
    }) as Flushing,
};

/** One reply's compression. `close` must be called, however the reply ended: what zlib holds is not the collector's. */
export class Compressor implements ChunkTransform {
  readonly #stream: Flushing;
  readonly #flushEach: boolean;
  #push: Push = () => undefined;
  #settled: (() => void) | null = null;
  #failed: ((cause: unknown) => void) | null = null;
  #error: unknown = null;
  #closed = false;

  constructor(coding: Coding, levels: Levels, flushEach: boolean) {
    this.#flushEach = flushEach;
    this.#stream = START[coding](levels[coding]);
    this.#stream.on("data", (bytes: Uint8Array) => this.#push(bytes));
    this.#stream.on("error", (cause) => {
      this.#error = cause;
      this.#failed?.(cause);
    });
  }

  /** Settles when zlib has taken the chunk; until then no other comes. */
  chunk(bytes: Uint8Array, push: Push): Promise<void> {
    return this.#step(push, (done) => {
      this.#stream.write(bytes, (error) => {
        if (error) return;
        if (this.#flushEach) this.#stream.flush(done);
        else done();
      });
    });
  }

  end(push: Push): Promise<void> {
    return this.#step(push, (done) => {
      this.#stream.once("end", done);
      this.#stream.end();
    });
  }

  /** What is under way settles: nobody waits for it any more, and it is nobody's failure. */
  close(): void {
    this.#closed = true;
    this.#push = () => undefined;
    this.#settled?.();
    this.#stream.destroy();
  }

  #step(push: Push, run: (done: () => void) => void): Promise<void> {
    if (this.#closed) return Promise.resolve();
    this.#push = push;
    return new Promise((resolve, reject) => {
      this.#settled = resolve;
      this.#failed = reject;
      if (this.#error === null) run(resolve);
      else reject(this.#error);
    });
  }
}
