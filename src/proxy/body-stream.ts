import type { Body } from "../model/body.ts";
import { GatewayError } from "../model/gateway-error.ts";

/** A body as a web stream, for whoever speaks in those: `fetch`, and plugins that ask for one. `over`: it has ended, somehow. */
export function bodyStream(
  body: Body,
  over: (error?: GatewayError) => void = () => undefined,
): ReadableStream<Uint8Array> {
  let resume: (() => void) | null = null;
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        const sink = {
          onDrain: null as (() => void) | null,
          write(chunk: Uint8Array): boolean {
            // The chunk is its producer's memory, valid during this call only.
            controller.enqueue(chunk.slice());
            return (controller.desiredSize ?? 1) > 0;
          },
          end: () => controller.close(),
          abort: (why: GatewayError) => controller.error(why),
        };
        resume = () => {
          const drained = sink.onDrain;
          sink.onDrain = null;
          drained?.();
        };
        body.pipeTo(sink, over);
      },
      pull: () => resume?.(),
      cancel: () => body.cancel(new GatewayError("client_closed", "the stream was cancelled")),
    },
    new ByteLengthQueuingStrategy({ highWaterMark: 64 * 1024 }),
  );
}

/** All of a body. @throws GatewayError `body_too_large` past `limit`, or why it could not be completed. */
export function collect(body: Body, limit: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  return new Promise((resolve, reject) => {
    const tooLarge = new GatewayError("body_too_large", `over ${limit} bytes`);
    const sink = {
      onDrain: null,
      write(chunk: Uint8Array): boolean {
        size += chunk.byteLength;
        if (size <= limit) chunks.push(chunk.slice());
        else queueMicrotask(() => body.cancel(tooLarge));
        return true;
      },
      end: () => undefined,
      abort: reject,
    };
    body.pipeTo(sink, (error) => {
      // It may have ended before it could be cancelled.
      const why = error ?? (size > limit ? tooLarge : undefined);
      if (why === undefined) resolve(Buffer.concat(chunks));
      else reject(why);
    });
  });
}
