import { GatewayError } from "../../model/gateway-error.ts";
import { HeadScanner } from "../http1/head-scanner.ts";
import { parseRequestHead, type RequestHead } from "../http1/request-head.ts";
import type { ByteSocket } from "../wire/byte-socket.ts";
import type { ListenerContext } from "./listener.ts";

/** Pipelined requests that wait for their turn; beyond it the connection is paused (a paused socket never sees FIN). */
const MAX_WAITING_BYTES = 64 * 1024;

/** Reads the request heads of one connection, one after the other, and keeps what has to wait. */
export class RequestReader {
  /** On the coarse clock: since the first octet of an incomplete head; 0: there is none. */
  headSince = 0;
  /** Octets of an incomplete head, or of requests whose turn has not come. */
  waiting: Buffer | null = null;
  /** Where what follows the head starts; of the last `read`. */
  next = 0;
  readonly #socket: ByteSocket;
  readonly #context: ListenerContext;
  readonly #scanner: HeadScanner;
  #paused = false;

  constructor(socket: ByteSocket, context: ListenerContext) {
    this.#socket = socket;
    this.#context = context;
    this.#scanner = new HeadScanner({ maxHeadBytes: context.door.limits.maxHeaderBytes, emptyLines: "skip" });
  }

  /** @returns null when more must come: until then the octets wait here. */
  read(bytes: Buffer): RequestHead | GatewayError | null {
    const { door, fast } = this.#context;
    const end = this.#scanner.scan(bytes, 0);
    if (end instanceof GatewayError) return end;
    if (end < 0) {
      if (this.headSince === 0) this.headSince = fast.now;
      this.waiting = Buffer.from(bytes);
      return null;
    }
    this.headSince = 0;
    this.next = end + 4;
    return parseRequestHead(bytes, this.#scanner.start, end, door.limits);
  }

  /** What waits and `bytes` behind it. */
  join(bytes: Buffer): Buffer {
    return this.waiting === null ? bytes : Buffer.concat([this.waiting, bytes]);
  }

  /** Copies octets whose turn has not come. */
  keep(bytes: Buffer): void {
    this.waiting = this.waiting === null ? Buffer.from(bytes) : Buffer.concat([this.waiting, bytes]);
    if (this.waiting.byteLength <= MAX_WAITING_BYTES || this.#paused) return;
    this.#paused = true;
    this.#socket.pause();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#socket.resume();
  }
}
