import { createHash } from "node:crypto";
import type { ByteStream } from "./byte-stream.ts";
import type { FieldList } from "./http-message.ts";
import { RawClient, type ReplyHead } from "./raw-client.ts";
import type { Behaviour, OriginRequest } from "./raw-origin.ts";
import { closePayload, type Frame, frameBytes, OPCODE, readFrame } from "./websocket-frames.ts";

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const KEY = "dGhlIHNhbXBsZSBub25jZQ==";

export function acceptFor(key: string): string {
  return createHash("sha1")
    .update(key + GUID)
    .digest("base64");
}

/** One end of a WebSocket at the level of frames. */
export class FramedSocket {
  readonly stream: ByteStream;
  readonly #side: "client" | "server";

  constructor(stream: ByteStream, side: "client" | "server") {
    this.stream = stream;
    this.#side = side;
  }

  text(data: string): void {
    this.frame(OPCODE.text, data);
  }

  binary(data: Buffer): void {
    this.frame(OPCODE.binary, data);
  }

  close(code: number, reason: string): void {
    this.frame(OPCODE.close, closePayload(code, reason));
  }

  frame(opcode: number, data: string | Buffer): void {
    this.stream.socket.write(frameBytes(opcode, data, this.#side));
  }

  next(): Promise<Frame> {
    return readFrame(this.stream);
  }

  /** The next frame as text, when it is a text frame. */
  async nextText(): Promise<string> {
    const { opcode, payload } = await this.next();
    if (opcode !== OPCODE.text) throw new Error(`expected a text frame, got opcode ${opcode}`);
    return payload.toString("utf8");
  }
}

/** Answers 101 and gives the frames to `talk`; the connection is the script's until it ends. */
export function webSocketOrigin(
  talk: (socket: FramedSocket, request: OriginRequest) => void | Promise<void>,
  fields: FieldList = [],
): Behaviour {
  return async (request) => {
    request.upgraded = true;
    const accept = acceptFor(request.header("sec-websocket-key") ?? "");
    const upgrade: FieldList = [
      ["Upgrade", "websocket"],
      ["Connection", "Upgrade"],
      ["Sec-WebSocket-Accept", accept],
    ];
    request.head(101, [...upgrade, ...fields], "Switching Protocols");
    await talk(new FramedSocket(request.connection.stream, "server"), request);
  };
}

/** Sends every text and binary message back until the peer closes, and answers pings and the close. */
export const echoMessages = webSocketOrigin(async (socket) => {
  for (;;) {
    const { opcode, payload } = await socket.next();
    if (opcode === OPCODE.ping) socket.frame(OPCODE.pong, payload);
    else if (opcode !== OPCODE.pong) socket.frame(opcode, payload);
    if (opcode === OPCODE.close) return socket.stream.socket.end() as unknown as void;
  }
});

export interface OpenedWebSocket {
  readonly client: RawClient;
  readonly socket: FramedSocket;
  readonly head: ReplyHead;
}

/** A WebSocket through the proxy; fails when the answer is not a correct 101. */
export async function openWebSocket(port: number, target = "/ws", fields: FieldList = []): Promise<OpenedWebSocket> {
  const client = await RawClient.connect(port);
  const upgrade: FieldList = [
    ["Upgrade", "websocket"],
    ["Connection", "Upgrade"],
    ["Sec-WebSocket-Version", "13"],
    ["Sec-WebSocket-Key", KEY],
  ];
  client.request({ target, fields: [...upgrade, ...fields] });
  const head = await client.readHead();
  if (head.status !== 101) throw new Error(`expected 101, got ${head.status}`);
  if (head.header("sec-websocket-accept") !== acceptFor(KEY)) throw new Error("wrong Sec-WebSocket-Accept");
  return { client, socket: new FramedSocket(client.stream, "client"), head };
}
