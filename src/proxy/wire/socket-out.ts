import type { ByteSocket } from "./byte-socket.ts";
import { WaitingBytes } from "./waiting-bytes.ts";

const SCRATCH_BYTES = 64 * 1024;

/** Something that can write its head into a buffer. */
export interface HeadSource {
  /** @returns octets written; -1 when there was no room; less when it must not be sent. */
  writeHead(buffer: Buffer, offset: number): number;
}

/**
 * A head and the small body behind it are put together here and leave in one write. There is one for all sockets: it is in use
 * only between `head` and `flush` of one call, and another socket that wants it meanwhile flushes the first.
 */
const scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES);
let corked: SocketOut | null = null;
let used = 0;

/**
 * The sending half of a socket. What the kernel does not take is kept and sent when it can take more; whoever produces must stop
 * when told, so at most one chunk waits.
 */
export class SocketOut {
  /** Called once when everything that waited has gone. */
  onDrain: (() => void) | null = null;
  /** On the coarse clock: when the kernel last took something. */
  wroteAt = 0;
  readonly #waiting = new WaitingBytes();
  readonly #now: () => number;
  #socket: ByteSocket | null;

  constructor(socket: ByteSocket | null, now: () => number) {
    this.#socket = socket;
    this.#now = now;
  }

  /** The connection is there, or gone (null). */
  attach(socket: ByteSocket | null): void {
    this.#socket = socket;
    if (socket !== null) return;
    this.#waiting.clear();
    this.onDrain = null;
    release(this);
  }

  get blocked(): boolean {
    return this.#waiting.size > 0;
  }

  /**
   * Writes a head, to leave with what follows it before `flush`.
   * @returns false when it could not be written at all
   */
  head(source: HeadSource): boolean {
    this.cork();
    let written = source.writeHead(scratch, used);
    if (written === -1 && used > 0) {
      this.#send();
      written = source.writeHead(scratch, 0);
    }
    if (written >= 0) {
      used += written;
      return true;
    }
    if (written !== -1) return false;
    const large = Buffer.allocUnsafe(4 * SCRATCH_BYTES);
    written = source.writeHead(large, 0);
    if (written < 0) return false;
    this.#direct(large, 0, written);
    return true;
  }

  /** @returns false when the producer must wait for `onDrain`. */
  write(chunk: Uint8Array): boolean {
    if (corked === this) {
      if (chunk.byteLength <= SCRATCH_BYTES - used) {
        scratch.set(chunk, used);
        used += chunk.byteLength;
        return !this.blocked;
      }
      this.#send();
    }
    this.#direct(chunk, 0, chunk.byteLength);
    return !this.blocked;
  }

  /** `write` of a part. */
  writePart(bytes: Buffer, from: number, to: number): boolean {
    const size = to - from;
    if (corked === this) {
      if (size <= SCRATCH_BYTES - used) {
        bytes.copy(scratch, used, from, to);
        used += size;
        return !this.blocked;
      }
      this.#send();
    }
    this.#direct(bytes, from, size);
    return !this.blocked;
  }

  /** Gathers the next writes until `flush`. */
  cork(): void {
    if (corked === this) return;
    corked?.flush();
    used = 0;
    take(this);
  }

  /** Sends what was gathered. */
  flush(): void {
    if (corked !== this) return;
    this.#send();
    release(this);
  }

  /** The socket can take more. */
  drained(): void {
    const socket = this.#socket;
    if (socket === null || !this.blocked) return;
    if (this.#waiting.sendTo(socket) > 0) this.wroteAt = this.#now();
    if (this.blocked || this.onDrain === null) return;
    const resume = this.onDrain;
    this.onDrain = null;
    resume();
  }

  #send(): void {
    const size = used;
    used = 0;
    if (size > 0) this.#direct(scratch, 0, size);
  }

  // Offset and length, not a view: a view is an object.
  #direct(bytes: Uint8Array, offset: number, length: number): void {
    const socket = this.#socket;
    if (socket === null) return;
    let taken = 0;
    if (!this.blocked) {
      taken = Math.max(0, socket.write(bytes, offset, length));
      if (taken > 0) this.wroteAt = this.#now();
      if (taken === length) return;
    }
    // The chunk is its producer's memory, valid during this call only.
    this.#waiting.add(bytes, offset + taken, offset + length);
  }
}

function take(out: SocketOut): void {
  corked = out;
}

function release(out: SocketOut): void {
  if (corked === out) corked = null;
}
