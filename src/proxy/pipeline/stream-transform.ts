import type { ChunkTransform } from "../../contract/hooks.ts";

/** A web TransformStream as chunks: what it makes is pushed as it comes. */
export function chunksOf(transform: TransformStream<Uint8Array, Uint8Array>): ChunkTransform {
  const writer = transform.writable.getWriter();
  const reader = transform.readable.getReader();
  let push: (bytes: Uint8Array) => void = () => undefined;
  const all = (async () => {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      push(value);
    }
  })();
  // Reported by whoever writes next.
  all.catch(() => undefined);
  return {
    async chunk(bytes, to) {
      push = to;
      // Settles when the chunk was taken; until then the source waits.
      await writer.write(bytes);
    },
    async end(to) {
      push = to;
      await writer.close();
      await all;
    },
    abort: () => void writer.abort(new Error("the body was cut short")).catch(() => undefined),
  };
}
