import type { Body, Sink } from "../../../model/body.ts";
import { GatewayError } from "../../../model/gateway-error.ts";

/** How far an upload has come, for whoever watches the clock. */
export interface UploadProgress {
  chunks: number;
  isOver: boolean;
}

/**
 * A request body as `fetch` wants it. Unlike `bodyStream` it starts when it is first pulled, which Bun does once it is connected: a
 * body that was never touched can be sent to another endpoint.
 *
 * @param onWanted called once, before anything is taken from `body`.
 */
export function uploadStream(
  body: Body,
  progress: UploadProgress,
  onWanted: (() => void) | null = null,
): ReadableStream<Uint8Array> {
  const sink = new ControllerSink(progress);
  let wanted = onWanted;
  return new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        wanted?.();
        wanted = null;
        return sink.pull(controller, body);
      },
      cancel(reason) {
        // `fetch` cancels what it never read, too, where it could not connect: that body may still go to another endpoint.
        if (!sink.isStarted) return;
        body.cancel(reason instanceof GatewayError ? reason : new GatewayError("client_closed", String(reason)));
      },
    },
    // Nothing is read before somebody wants it: a body that was not touched can be sent somewhere else.
    { highWaterMark: 0 },
  );
}

/** A sink into a stream's controller: one chunk ahead, then it waits until the stream is pulled again. */
class ControllerSink implements Sink {
  onDrain: (() => void) | null = null;
  #controller: ReadableStreamDefaultController<Uint8Array> | null = null;
  #pulled: (() => void) | null = null;
  readonly #progress: UploadProgress;

  constructor(progress: UploadProgress) {
    this.#progress = progress;
  }

  get isStarted(): boolean {
    return this.#controller !== null;
  }

  pull(controller: ReadableStreamDefaultController<Uint8Array>, body: Body): Promise<void> | undefined {
    const isFirst = this.#controller === null;
    this.#controller = controller;
    const waiting = new Promise<void>((resolve) => {
      this.#pulled = resolve;
    });
    if (isFirst) body.pipeTo(this, ignore);
    else {
      const resume = this.onDrain;
      this.onDrain = null;
      resume?.();
    }
    return this.#progress.isOver ? undefined : waiting;
  }

  write(chunk: Uint8Array): boolean {
    this.#progress.chunks++;
    this.#controller!.enqueue(chunk.slice());
    this.#settle();
    return false;
  }

  end(): void {
    if (this.#progress.isOver) return;
    this.#progress.isOver = true;
    try {
      this.#controller!.close();
    } catch {
      // Whoever read the stream has cancelled it.
    }
    this.#settle();
  }

  abort(why: GatewayError): void {
    if (this.#progress.isOver) return;
    this.#progress.isOver = true;
    this.#controller?.error(why);
    this.#settle();
  }

  #settle(): void {
    const pulled = this.#pulled;
    this.#pulled = null;
    pulled?.();
  }
}

function ignore(): void {}
