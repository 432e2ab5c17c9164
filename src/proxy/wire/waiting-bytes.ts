import type { ByteSocket } from "./byte-socket.ts";

/** A buffer larger than this is given back when it is empty; a smaller one is kept for the next time. */
const KEPT_BYTES = 64 * 1024;
/** How many emptied buffers of the usual size wait for another connection. */
const MAX_SPARE = 16;
const SPARE_BYTES = 512 * 1024;

// A slow reader blocks chunk after chunk; a fresh buffer for each would be garbage by the gigabyte, outside the collector's sight.
const spare: Buffer[] = [];

/** Octets that a socket did not take yet. */
export class WaitingBytes {
  #buffer: Buffer | null = null;
  #from = 0;
  #to = 0;

  get size(): number {
    return this.#to - this.#from;
  }

  add(bytes: Uint8Array, from: number, to: number): void {
    const size = to - from;
    const buffer = this.#roomFor(size);
    buffer.set(from === 0 && to === bytes.byteLength ? bytes : bytes.subarray(from, to), this.#to);
    this.#to += size;
  }

  /** @returns octets that `socket` took. */
  sendTo(socket: ByteSocket): number {
    const buffer = this.#buffer;
    if (buffer === null) return 0;
    const taken = Math.max(0, socket.write(buffer, this.#from, this.size));
    this.#from += taken;
    if (this.#from === this.#to) this.#emptied();
    return taken;
  }

  clear(): void {
    this.#emptied();
  }

  #emptied(): void {
    this.#from = this.#to = 0;
    const buffer = this.#buffer;
    if (buffer === null || buffer.byteLength <= KEPT_BYTES) return;
    this.#buffer = null;
    if (buffer.byteLength === SPARE_BYTES && spare.length < MAX_SPARE) spare.push(buffer);
  }

  #roomFor(size: number): Buffer {
    const waiting = this.size;
    const old = this.#buffer;
    if (old !== null && old.byteLength - this.#to >= size) return old;
    const buffer = bufferOf(waiting + size);
    if (old !== null) {
      buffer.set(old.subarray(this.#from, this.#to));
      this.#emptied();
    }
    this.#buffer = buffer;
    this.#from = 0;
    this.#to = waiting;
    return buffer;
  }
}

function bufferOf(size: number): Buffer {
  if (size <= KEPT_BYTES) return Buffer.allocUnsafeSlow(Math.max(4096, 2 ** Math.ceil(Math.log2(size))));
  if (size <= SPARE_BYTES) return spare.pop() ?? Buffer.allocUnsafeSlow(SPARE_BYTES);
  return Buffer.allocUnsafeSlow(size);
}
