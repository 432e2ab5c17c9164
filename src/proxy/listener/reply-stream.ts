import type { Sink } from "../../model/body.ts";
import type { GatewayError } from "../../model/gateway-error.ts";

/** Bun's controller of a `type: "direct"` stream, as far as we use it (measured on 1.4.5; bun-types knows less). */
interface DirectController {
  /** A promise when the client is slower than us: it resolves when there is room again. */
  write(chunk: Uint8Array): number | Promise<number>;
  flush(): void;
  end(): void;
  /** With an error Bun resets the connection (HTTP/1.1) or the stream (HTTP/2). */
  close(error?: unknown): void;
}

/** Bytes may wait here between the reply's head and Bun's first pull. */
const WAITING_BYTES = 64 * 1024;

/**
 * The way of a reply's bytes into Bun. It starts by collecting: what ends at once leaves as one piece, with its
 * Content-Length. What does not becomes a direct stream, which writes to the socket in the call, without a queue or a promise
 * a chunk, and says when the client is slow.
 */
export class ReplyStream implements Sink {
  onDrain: (() => void) | null = null;
  bytes = 0;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #controller: DirectController | null = null;
  #state: "open" | "ended" | GatewayError = "open";
  #pulled: (() => void) | null = null;
  #flushing = false;

  /** The whole body when it is complete already, else null. */
  get complete(): Uint8Array<ArrayBuffer> | null {
    if (this.#state !== "ended" || this.#controller !== null) return null;
    const only = this.#waiting.length === 1 ? this.#waiting[0]! : Buffer.concat(this.#waiting);
    return only as Uint8Array<ArrayBuffer>;
  }

  write(chunk: Uint8Array): boolean {
    if (this.#state !== "open") return true;
    this.bytes += chunk.byteLength;
    const controller = this.#controller;
    if (controller === null) {
      this.#waiting.push(chunk.slice());
      this.#waitingBytes += chunk.byteLength;
      return this.#waitingBytes < WAITING_BYTES;
    }
    const written = controller.write(chunk);
    if (written instanceof Promise) {
      this.#resumeAfter(written);
      return false;
    }
    this.#flushSoon(controller);
    return true;
  }

  end(): void {
    if (this.#state !== "open") return;
    this.#state = "ended";
    this.#close();
  }

  abort(why: GatewayError): void {
    if (this.#state !== "open") return;
    this.#state = why;
    this.#close();
  }

  toStream(): ReadableStream<Uint8Array> {
    return new ReadableStream<Uint8Array>({
      type: "direct",
      pull: (controller) => this.#start(controller as unknown as DirectController),
    });
  }

  #start(controller: DirectController): Promise<void> | undefined {
    this.#controller = controller;
    let slow: Promise<number> | null = null;
    for (const chunk of this.#waiting) {
      const written = controller.write(chunk);
      if (written instanceof Promise) slow = written;
    }
    this.#waiting = [];
    if (this.#state !== "open") {
      this.#close();
      return undefined;
    }
    const over = new Promise<void>((resolve) => {
      this.#pulled = resolve;
    });
    if (this.bytes > 0) controller.flush();
    if (slow !== null) this.#resumeAfter(slow);
    else if (this.#waitingBytes >= WAITING_BYTES) queueMicrotask(() => this.#drained());
    return over;
  }

  #close(): void {
    const controller = this.#controller;
    if (controller === null) return;
    if (this.#state === "ended") controller.end();
    else controller.close(this.#state);
    this.#pulled?.();
    this.#pulled = null;
  }

  // Several chunks of one read leave together; nothing waits longer than this turn.
  #flushSoon(controller: DirectController): void {
    if (this.#flushing) return;
    this.#flushing = true;
    queueMicrotask(() => {
      this.#flushing = false;
      if (this.#state === "open") controller.flush();
    });
  }

  #resumeAfter(written: Promise<number>): void {
    const drained = (): void => this.#drained();
    written.then(drained, drained);
  }

  #drained(): void {
    if (this.#state !== "open") return;
    const resume = this.onDrain;
    this.onDrain = null;
    resume?.();
  }
}
