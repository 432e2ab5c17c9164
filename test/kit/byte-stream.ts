import type { Socket } from "node:net";
import { PATIENCE_MS, within } from "./eventually.ts";

/** How a peer ended its side: FIN is an orderly end, RST is an abort. */
export type Ending = "fin" | "rst";

/** The peer ended before what was read for was complete. */
export class Truncated extends Error {
  readonly ending: Ending;

  constructor(ending: Ending, wanted: string, had: Buffer) {
    super(`the peer ended (${ending}) before ${wanted}; it had sent ${JSON.stringify(had.toString("latin1", 0, 300))}`);
    this.ending = ending;
  }
}

/** Reads a socket by need: up to a delimiter, so many bytes, what is there. Keeps all it ever got in `received`. */
export class ByteStream {
  readonly socket: Socket;
  /** Settles when the peer has ended its side. */
  readonly ended: Promise<Ending>;
  ending: Ending | null = null;
  readonly #chunks: Buffer[] = [];
  #pending: Buffer = Buffer.alloc(0);
  #wake: (() => void) | null = null;
  /** Set false for long bodies: only what is unread is kept. */
  record = true;

  constructor(socket: Socket) {
    this.socket = socket;
    this.ended = new Promise((resolve) => {
      const end = (ending: Ending) => {
        this.ending ??= ending;
        resolve(this.ending);
        this.#notify();
      };
      socket.on("end", () => end("fin"));
      socket.on("error", () => end("rst"));
      socket.on("close", () => end("fin"));
    });
    socket.on("data", (chunk: Buffer) => {
      if (this.record) this.#chunks.push(chunk);
      this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
      this.#notify();
    });
  }

  /** Every byte the peer ever sent. */
  get received(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  get unread(): Buffer {
    return this.#pending;
  }

  /** The bytes up to and including `delimiter`. @throws Truncated */
  async readUntil(delimiter: string, withinMs = PATIENCE_MS): Promise<Buffer> {
    for (;;) {
      const at = this.#pending.indexOf(delimiter, 0, "latin1");
      if (at >= 0) return this.#take(at + delimiter.length);
      await this.#more(JSON.stringify(delimiter), withinMs);
    }
  }

  /** @throws Truncated */
  async readExactly(count: number): Promise<Buffer> {
    while (this.#pending.length < count) await this.#more(`${count} bytes`);
    return this.#take(count);
  }

  /** At least one byte and at most `limit`, or null at an orderly end. @throws Truncated on RST */
  async readSome(limit = Infinity): Promise<Buffer | null> {
    while (this.#pending.length === 0) {
      if (this.ending === "fin") return null;
      await this.#more("more bytes");
    }
    return this.#take(Math.min(limit, this.#pending.length));
  }

  #take(count: number): Buffer {
    const taken = this.#pending.subarray(0, count);
    this.#pending = this.#pending.subarray(count);
    return taken;
  }

  async #more(wanted: string, withinMs = PATIENCE_MS): Promise<void> {
    if (this.ending !== null) throw new Truncated(this.ending, wanted, this.#pending);
    await within(`reading ${wanted}`, new Promise<void>((resolve) => (this.#wake = resolve)), withinMs);
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = null;
    wake?.();
  }
}
