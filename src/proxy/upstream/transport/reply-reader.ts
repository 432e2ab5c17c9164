import { GatewayError } from "../../../model/gateway-error.ts";
import { HeadScanner } from "../../http1/head-scanner.ts";
import { parseResponseHead, type ResponseHead } from "../../http1/response-head.ts";

export const MAX_HEAD_BYTES = 256 * 1024;

/** The connection whose replies these are. `bytes` are valid during the call only; from `next` on they follow the head. */
export interface ReplyOwner {
  /** @returns false when nobody waits for the rest of the reply any more. */
  interim(head: ResponseHead): boolean;
  switching(head: ResponseHead, bytes: Buffer, next: number): void;
  final(head: ResponseHead, bytes: Buffer, next: number): void;
  /** What came is no reply: nobody knows where the next one would start. */
  unreadable(detail: string): void;
}

/** Reads the reply heads of one upstream connection: any number of interim ones, then one that settles the request. */
export class ReplyReader {
  readonly #owner: ReplyOwner;
  readonly #scanner = new HeadScanner({ maxHeadBytes: MAX_HEAD_BYTES, emptyLines: "refuse" });
  /** Octets of an incomplete head. */
  #kept: Buffer | null = null;
  /** Of this reply. Without an end to them an upstream could fill the memory of a client that does not read. */
  #interimBytes = 0;

  constructor(owner: ReplyOwner) {
    this.#owner = owner;
  }

  /** @param method what was asked: it decides whether the reply has a body */
  feed(bytes: Buffer, method: string): void {
    let input = bytes;
    if (this.#kept !== null) {
      input = Buffer.concat([this.#kept, bytes]);
      this.#kept = null;
    }
    let from = 0;
    do from = this.#read(input, from, method);
    while (from >= 0 && from < input.byteLength);
  }

  /** @returns where the head that follows an interim one starts; -1: more must come, or the reply has its head. */
  #read(bytes: Buffer, from: number, method: string): number {
    const end = this.#scanner.scan(bytes, from);
    if (end instanceof GatewayError) return this.#unreadable(end.detail);
    if (end < 0) {
      this.#kept = Buffer.from(from === 0 ? bytes : bytes.subarray(from));
      return -1;
    }
    const head = parseResponseHead(bytes, from, end, method);
    if (head instanceof GatewayError) return this.#unreadable(head.detail);
    const next = end + 4;
    if (head.status >= 200) {
      this.#interimBytes = 0;
      this.#owner.final(head, bytes, next);
      return -1;
    }
    if (head.status === 101) {
      this.#owner.switching(head, bytes, next);
      return -1;
    }
    this.#interimBytes += next - from;
    if (this.#interimBytes > MAX_HEAD_BYTES) return this.#unreadable("interim replies without an end");
    return this.#owner.interim(head) ? next : -1;
  }

  #unreadable(detail: string): -1 {
    this.#owner.unreadable(detail);
    return -1;
  }
}
