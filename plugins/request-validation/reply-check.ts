import type { ChunkTransform } from "sluice";

/** Passes a body on as it is, and shows it to `look` when it is over and was not longer than `limit`. */
export function replyTee(limit: number, look: (bytes: Uint8Array) => void): ChunkTransform {
  let chunks: Uint8Array[] | null = [];
  let length = 0;
  return {
    chunk(bytes, push) {
      length += bytes.length;
      if (length > limit) chunks = null;
      // A copy: whoever gets `bytes` next owns them.
      chunks?.push(bytes.slice());
      push(bytes);
    },
    end() {
      if (chunks !== null) look(Buffer.concat(chunks));
    },
  };
}
