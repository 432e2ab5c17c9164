/**
 * Heads are octets, and latin1 maps octets to code points one to one. These methods of Bun's (and Node's) Buffer skip the encoding
 * lookup of `toString` and `write`; the types leave them out.
 */
declare global {
  interface Buffer<TArrayBuffer extends ArrayBufferLike = ArrayBufferLike> {
    latin1Slice(start: number, end: number): string;
    /** Keeps the low byte of each code point: what may hold others must be checked. */
    latin1Write(text: string, offset: number): number;
  }
}

export {};
