import { afterAll, beforeAll, expect, test } from "bun:test";
import { connect, type TLSSocket } from "node:tls";
import { Authority } from "../kit/certificates.ts";
import { eventually } from "../kit/eventually.ts";
import { RawOrigin } from "../kit/raw-origin.ts";
import { Sluice } from "../kit/sluice.ts";

const authority = new Authority();
let origin: RawOrigin;
let sluice: Sluice;

beforeAll(async () => {
  origin = await RawOrigin.start();
  const { certFile: cert, keyFile: key } = authority.issue("a.test");
  sluice = await Sluice.start((port) => ({
    listeners: [{ name: "web", host: "127.0.0.1", port, tls: { cert, key }, http2: true }],
    upstreams: [{ name: "origin", url: origin.url }],
    routes: [{ path: "/*", upstream: "origin" }],
  }));
});

afterAll(async () => {
  await sluice.stop();
  await origin.stop();
  authority[Symbol.dispose]();
});

/** RFC 9113 §6: what ends a stream, and what begins its reply. */
const [HEADERS, RESET, SETTINGS, GOAWAY] = [1, 3, 4, 7] as const;
const END_OF_STREAM_AND_HEADERS = 5;

/** RFC 7541 §6.2.2: a field as it is, without Huffman code, that is in no table. */
function field(name: string, value: string): Buffer {
  const text = (of: string) => Buffer.concat([Buffer.from([of.length]), Buffer.from(of, "latin1")]);
  return Buffer.concat([Buffer.from([0]), text(name), text(value)]);
}

function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** The type of the frame that answers a GET with one more field, as no client library would send it. */
async function answerTo(name: string, value: string): Promise<number> {
  const socket: TLSSocket = connect({
    port: sluice.port,
    host: "127.0.0.1",
    rejectUnauthorized: false,
    ALPNProtocols: ["h2"],
  });
  let received = Buffer.alloc(0);
  socket.on("data", (bytes: Buffer) => (received = Buffer.concat([received, bytes])));
  const pseudo = [
    [":method", "GET"],
    [":scheme", "https"],
    [":path", "/"],
    [":authority", "a.test"],
  ] as const;
  const fields = [...pseudo, [name, value] as const].map(([of, is]) => field(of, is));
  socket.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  socket.write(frame(SETTINGS, 0, 0, Buffer.alloc(0)));
  socket.write(frame(HEADERS, END_OF_STREAM_AND_HEADERS, 1, Buffer.concat(fields)));
  try {
    return await eventually("an answer", () => typesOf(received).find((type) => ANSWERS.has(type)));
  } finally {
    socket.destroy();
  }
}

const ANSWERS: ReadonlySet<number> = new Set([HEADERS, RESET, GOAWAY]);

function typesOf(bytes: Buffer): number[] {
  const types: number[] = [];
  for (let at = 0; at + 9 <= bytes.length; at += 9 + bytes.readUIntBE(at, 3)) types.push(bytes[at + 3]!);
  return types;
}

test("a sane field reaches the origin", async () => {
  origin.restart();
  expect(await answerTo("x-value", "a\tb \xff")).toBe(HEADERS);
  expect(origin.only.header("x-value")).toBe("a\tb \xff");
});

const CONTROLS = Array.from({ length: 32 }, (_, code) => code).filter((code) => code !== 9);

test("no control character in a value reaches the origin over HTTP/2", async () => {
  origin.restart();
  await Promise.all([...CONTROLS, 0x7f].map((code) => answerTo("x-value", `a${String.fromCharCode(code)}b`)));
  expect(origin.requests).toEqual([]);
});

test.each(["X-Upper", "x y", "x:y", "x\x01", "connection", "transfer-encoding", "te"])(
  "a field called %s does not reach the origin over HTTP/2",
  async (name) => {
    origin.restart();
    expect(await answerTo(name, "a")).not.toBe(HEADERS);
    expect(origin.requests).toEqual([]);
  },
);

test.each(["x_forwarded_for", "x_real_ip", "x-auth_id", "x-real-ip", "forwarded", "x-forwarded-user"])(
  "what a stranger says as %s over HTTP/2 goes no further",
  async (name) => {
    origin.restart();
    expect(await answerTo(name, "6.6.6.6")).toBe(HEADERS);
    expect(origin.only.rawHead.toString("latin1")).not.toContain("6.6.6.6");
  },
);
