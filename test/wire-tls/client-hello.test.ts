import { beforeAll, expect, test } from "bun:test";
import fc from "fast-check";
import { createServer } from "node:net";
import { connect } from "node:tls";
import { type HelloParse, parseClientHello } from "../../src/proxy/listener/client-hello.ts";

/** What a real client says first. */
async function captured(servername: string | undefined): Promise<Buffer> {
  const { promise, resolve } = Promise.withResolvers<Buffer>();
  const server = createServer((socket) => socket.once("data", resolve));
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as { port: number };
  const client = connect({ port, host: "127.0.0.1", ...(servername === undefined ? {} : { servername }) });
  client.on("error", () => undefined);
  const hello = await promise;
  client.destroy();
  server.close();
  return hello;
}

/** The same message in records of so many octets. */
function inRecords(hello: Buffer, size: number): Buffer {
  const message = hello.subarray(5);
  const records: Buffer[] = [];
  for (let at = 0; at < message.length; at += size) {
    const part = message.subarray(at, at + size);
    records.push(Buffer.from([22, 3, 1, part.length >> 8, part.length & 255]), part);
  }
  return Buffer.concat(records);
}

const NAME = "shop.example.test";
let hello: Buffer;

beforeAll(async () => {
  hello = await captured(NAME);
});

test("the name is found, lower case; a client that sends none has none", async () => {
  expect(parseClientHello(hello)).toEqual({ serverName: NAME });
  expect(parseClientHello(await captured("SHOP.example.test"))).toEqual({ serverName: NAME });
  expect(parseClientHello(await captured(undefined))).toEqual({ serverName: null });
});

test("every beginning asks for more, and what follows changes nothing", () => {
  for (let size = 0; size < hello.length; size++) expect(parseClientHello(hello.subarray(0, size))).toBe("more");
  expect(parseClientHello(Buffer.concat([hello, Buffer.alloc(50)]))).toEqual({ serverName: NAME });
});

test("a message cut into many records is one message", () => {
  for (const size of [1, 2, 3, 5, 64, 500]) {
    const records = inRecords(hello, size);
    expect(parseClientHello(records)).toEqual({ serverName: NAME });
    expect(parseClientHello(records.subarray(0, -1))).toBe("more");
  }
});

test("what cannot be a ClientHello is told apart by its first octets", () => {
  for (const start of [
    "GET / HTTP/1.1\r\n",
    "\x80\x2e\x01\x03\x01",
    "\x16\x02\x00",
    "\x15\x03\x01",
    "\x16\x03\x01\x00\x00",
  ]) {
    expect(parseClientHello(Buffer.from(start, "latin1"))).toBe("not-tls");
  }
  expect(parseClientHello(Buffer.from("160301000402000000", "hex"))).toBe("not-tls");
  // A ClientHello that announces 16 MiB.
  expect(parseClientHello(Buffer.from("160301000401ffffff", "hex"))).toBe("not-tls");
});

test("no change of its octets makes the reader throw or ask for more than a message's worth", () => {
  const edit = fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }));
  fc.assert(
    fc.property(fc.array(edit, { minLength: 1, maxLength: 8 }), (edits) => {
      const bytes = Buffer.from(hello);
      for (const [at, value] of edits) bytes[at % bytes.length] = value;
      const long: HelloParse = parseClientHello(Buffer.concat([bytes, Buffer.alloc(64 * 1024)]));
      expect(long).not.toBe("more");
    }),
    { numRuns: 500 },
  );
});
