import type { Sink } from "../../model/body.ts";
import { GatewayError } from "../../model/gateway-error.ts";
import type { HeaderMap } from "../../model/header-map.ts";
import { CHUNKED, type Framing } from "../http1/body-framing.ts";
import {
  CHUNK_END,
  CHUNK_HEADER_BYTES,
  LAST_CHUNK,
  writeChunkHeader,
  writeLastChunk,
} from "../http1/chunked-encoder.ts";
import type { SocketOut } from "./socket-out.ts";

/** The connection a body leaves by. */
export interface BodyOwner {
  /** The last octet was handed to the socket, or waits there. */
  bodySent(size: number): void;
  /** It cannot be completed: the connection has to show that. */
  bodyCut(why: GatewayError, size?: number): void;
}

const chunkHeader = Buffer.allocUnsafeSlow(CHUNK_HEADER_BYTES);

/** A body on its way to a socket, framed as its head announced. */
export class OutgoingBody implements Sink {
  #size = 0;
  #over = false;
  readonly #out: SocketOut;
  readonly #framing: Framing;
  readonly #owner: BodyOwner;

  constructor(out: SocketOut, framing: Framing, owner: BodyOwner) {
    this.#out = out;
    this.#framing = framing;
    this.#owner = owner;
  }

  get size(): number {
    return this.#size;
  }

  get onDrain(): (() => void) | null {
    return this.#out.onDrain;
  }

  set onDrain(resume: (() => void) | null) {
    this.#out.onDrain = resume;
  }

  writePart(bytes: Buffer, from: number, to: number): boolean {
    if (this.#over || this.#framing === CHUNKED) return this.write(bytes.subarray(from, to));
    this.#size += to - from;
    if (this.#framing < 0 || this.#size <= this.#framing) return this.#out.writePart(bytes, from, to);
    return this.#outgrown();
  }

  write(chunk: Uint8Array): boolean {
    const size = chunk.byteLength;
    // A chunk of none would be the last one.
    if (this.#over || size === 0) return true;
    this.#size += size;
    if (this.#framing !== CHUNKED) {
      if (this.#framing < 0 || this.#size <= this.#framing) return this.#out.write(chunk);
      return this.#outgrown();
    }
    this.#out.cork();
    this.#out.write(chunkHeader.subarray(0, writeChunkHeader(chunkHeader, 0, size)));
    this.#out.write(chunk);
    const room = this.#out.write(CHUNK_END);
    if (!this.corked) this.#out.flush();
    return room && !this.#out.blocked;
  }

  /** The connection gathers its head and this body's first octets, and flushes itself. */
  corked = false;

  end(trailers?: HeaderMap | null): void {
    if (this.#over) return;
    if (this.#framing >= 0 && this.#size < this.#framing) {
      return this.abort(new GatewayError("internal", "a body fell short of its Content-Length"));
    }
    this.#over = true;
    if (this.#framing === CHUNKED) this.#endChunked(trailers ?? null);
    this.#owner.bodySent(this.#size);
  }

  abort(why: GatewayError): void {
    if (this.#over) return;
    this.#over = true;
    this.#owner.bodyCut(why, this.#size);
  }

  /** More than announced would be read as the next message. */
  #outgrown(): boolean {
    this.abort(new GatewayError("internal", "a body outgrew its Content-Length"));
    return true;
  }

  #endChunked(trailers: HeaderMap | null): void {
    if (trailers === null) {
      this.#out.write(LAST_CHUNK);
      return;
    }
    // Trailers that cannot be written are left out: they were never promised (RFC 9110 §6.5.1).
    const section = { writeHead: (buffer: Buffer, offset: number) => writeLastChunk(buffer, offset, trailers) };
    if (!this.#out.head(section)) this.#out.write(LAST_CHUNK);
    if (!this.corked) this.#out.flush();
  }
}
