import type { AddressInfo } from "node:net";
import { createServer, type Server, type TLSSocket } from "node:tls";
import { Authority } from "../kit/certificates.ts";

const PREFACE_BYTES = 24;
const HEAD_BYTES = 9;

/** RFC 9113 §6. */
export const FRAME = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goAway: 7, window: 8 } as const;
const ACK = 1;
const END_HEADERS = 4;
/** HPACK's static table: `:status: 200` (RFC 7541, appendix A). */
const STATUS_200 = Buffer.from([0x88]);

/** RFC 9113 §7. */
export const CODE = { none: 0, protocol: 1, internal: 2, refused: 7, cancel: 8 } as const;

/** One request as a stream of frames; what it asks for is not decoded. */
export class FrameStream {
  readonly #socket: TLSSocket;
  readonly #id: number;

  constructor(socket: TLSSocket, id: number) {
    this.#socket = socket;
    this.#id = id;
  }

  /** 200, and nothing about a length. */
  head(): void {
    this.#socket.write(frame(FRAME.headers, END_HEADERS, this.#id, STATUS_200));
  }

  data(text: string): void {
    this.#socket.write(frame(FRAME.data, 0, this.#id, Buffer.from(text)));
  }

  end(text = ""): void {
    this.#socket.write(frame(FRAME.data, 1, this.#id, Buffer.from(text)));
  }

  reset(code: number): void {
    this.#socket.write(frame(FRAME.reset, 0, this.#id, word(code)));
  }

  /** GOAWAY: `processed` is the last stream that was looked at. */
  goAway(processed: number, code: number): void {
    this.#socket.write(frame(FRAME.goAway, 0, 0, Buffer.concat([word(processed), word(code)])));
  }

  /** The connection ends without a word: FIN. */
  hangUp(): void {
    this.#socket.destroy();
  }
}

/** An HTTP/2 origin frame by frame, for what no server does on request: resets and truncations exactly as scripted. */
export class FrameOrigin {
  readonly authority = new Authority();
  requests = 0;
  /** Codes of the streams that the other side reset. */
  readonly resets: number[] = [];
  answer: (stream: FrameStream) => void = (stream) => {
    stream.head();
    stream.end("hello");
  };
  readonly #server: Server;
  readonly #sockets = new Set<TLSSocket>();

  private constructor() {
    const { cert, key } = this.authority.issue("up.test", { names: ["DNS:up.test", "IP:127.0.0.1"] });
    this.#server = createServer({ cert, key, ALPNProtocols: ["h2"] }, (socket) => this.#serve(socket));
    this.#server.on("tlsClientError", () => undefined);
  }

  static async start(): Promise<FrameOrigin> {
    const origin = new FrameOrigin();
    await new Promise<void>((resolve) => origin.#server.listen(0, "127.0.0.1", () => resolve()));
    return origin;
  }

  get url(): string {
    return `https://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.authority[Symbol.dispose]();
  }

  #serve(socket: TLSSocket): void {
    this.#sockets.add(socket);
    socket.on("error", () => undefined);
    socket.write(frame(FRAME.settings, 0, 0, Buffer.alloc(0)));
    let input: Buffer = Buffer.alloc(0);
    let skip = PREFACE_BYTES;
    socket.on("data", (bytes: Buffer) => {
      input = Buffer.concat([input, bytes]);
      if (input.length < skip) return;
      input = input.subarray(skip);
      skip = 0;
      for (;;) {
        const size = input.length < HEAD_BYTES ? 0 : HEAD_BYTES + input.readUIntBE(0, 3);
        if (size === 0 || input.length < size) return;
        this.#read(socket, input.subarray(0, size));
        input = input.subarray(size);
      }
    });
  }

  #read(socket: TLSSocket, bytes: Buffer): void {
    const [type, flags, id] = [bytes[3]!, bytes[4]!, bytes.readUInt32BE(5) & 0x7fff_ffff];
    if (type === FRAME.settings && (flags & ACK) === 0) socket.write(frame(FRAME.settings, ACK, 0, Buffer.alloc(0)));
    if (type === FRAME.ping && (flags & ACK) === 0) socket.write(frame(FRAME.ping, ACK, 0, bytes.subarray(HEAD_BYTES)));
    if (type === FRAME.reset) this.resets.push(bytes.readUInt32BE(HEAD_BYTES));
    if (type !== FRAME.headers) return;
    this.requests++;
    this.answer(new FrameStream(socket, id));
  }
}

function frame(type: number, flags: number, id: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(id, 5);
  return Buffer.concat([head, payload]);
}

function word(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
