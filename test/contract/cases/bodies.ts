import { expect } from "bun:test";
import { gzipSync } from "node:zlib";
import { chunk, type FieldList, LAST_CHUNK } from "../../kit/http-message.ts";
import { ask, RawClient } from "../../kit/raw-client.ts";
import type { ContractCase } from "../stage.ts";

const MEGABYTE = randomBytes(1 << 20);
const GZIPPED = gzipSync("hello ".repeat(500));
const CHUNKED: FieldList = [["Transfer-Encoding", "chunked"]];

function randomBytes(length: number): Buffer {
  return Buffer.from(
    crypto
      .getRandomValues(new Uint8Array(length / 16).fill(0))
      .toHex()
      .repeat(8),
    "latin1",
  );
}

const digest = (bytes: Uint8Array) => `${bytes.length} bytes, sha256 ${Bun.SHA256.hash(bytes, "hex")}`;

export const bodies: readonly ContractCase[] = [
  {
    name: "a small reply keeps its Content-Length",
    async run({ origin, port }) {
      origin.behaviour = (request) => request.reply({ body: "twelve bytes" });
      expect((await ask(port)).header("content-length")).toBe("12");
    },
  },
  {
    name: "a megabyte keeps its Content-Length",
    skip: { serve: "a streamed body loses its Content-Length in Bun.serve (oven-sh/bun#10507)" },
    async run({ origin, port }) {
      origin.behaviour = (request) => request.reply({ body: MEGABYTE });
      expect((await ask(port)).header("content-length")).toBe(String(MEGABYTE.length));
    },
  },
  {
    name: "a megabyte comes down byte for byte",
    async run({ origin, port }) {
      origin.behaviour = (request) => request.reply({ body: MEGABYTE });
      expect(digest((await ask(port)).body)).toBe(digest(MEGABYTE));
    },
  },
  {
    name: "a megabyte in chunks comes down byte for byte",
    async run({ origin, port }) {
      origin.behaviour = (request) => {
        request.head(200, CHUNKED);
        for (let at = 0; at < MEGABYTE.length; at += 9_973) request.writeChunk(MEGABYTE.subarray(at, at + 9_973));
        request.endChunks();
      };
      expect(digest((await ask(port)).body)).toBe(digest(MEGABYTE));
    },
  },
  {
    name: "a megabyte goes up byte for byte, with its length",
    async run({ origin, port }) {
      origin.behaviour = async (request) => request.reply({ body: digest(await request.body.all()) });
      expect((await ask(port, { method: "POST", body: MEGABYTE })).text).toBe(digest(MEGABYTE));
    },
  },
  {
    name: "a request's Content-Length stays a Content-Length",
    async run({ origin, port }) {
      await ask(port, { method: "POST", body: "seven b" });
      expect([origin.only.header("content-length"), origin.only.headers("transfer-encoding")]).toEqual(["7", []]);
    },
  },
  {
    name: "a request in chunks goes up byte for byte",
    async run({ origin, port }) {
      origin.behaviour = async (request) => request.reply({ body: digest(await request.body.all()) });
      await using client = await RawClient.connect(port);
      client.request({ method: "PUT", fields: CHUNKED });
      for (let at = 0; at < MEGABYTE.length; at += 50_021) client.send(chunk(MEGABYTE.subarray(at, at + 50_021)));
      client.send(LAST_CHUNK);
      expect((await client.read("PUT")).text).toBe(digest(MEGABYTE));
    },
  },
  {
    name: "a chunk extension is dropped and its chunk kept",
    async run({ origin, port }) {
      origin.behaviour = async (request) => request.reply({ body: await request.body.all() });
      await using client = await RawClient.connect(port);
      client.request({ method: "POST", fields: CHUNKED });
      client.send("5;ext=1\r\nhello\r\n0\r\n\r\n");
      expect((await client.read("POST")).text).toBe("hello");
    },
  },
  {
    name: "gzip passes both ways untouched, with the encoding it says",
    async run({ origin, port }) {
      origin.behaviour = (request) => request.reply({ body: GZIPPED, fields: [["Content-Encoding", "gzip"]] });
      const reply = await ask(port, { fields: [["Accept-Encoding", "gzip, br;q=0.5"]] });
      expect(reply.header("content-encoding")).toBe("gzip");
      expect(digest(reply.body)).toBe(digest(GZIPPED));
      expect(reply.header("content-length")).toBe(String(GZIPPED.length));
      expect(origin.only.header("accept-encoding")).toBe("gzip, br;q=0.5");
    },
  },
  {
    name: "gzip in chunks is not decoded on the way",
    async run({ origin, port }) {
      origin.behaviour = (request) => {
        request.head(200, [...CHUNKED, ["Content-Encoding", "gzip"]]);
        request.writeChunk(GZIPPED.subarray(0, 20));
        request.writeChunk(GZIPPED.subarray(20));
        request.endChunks();
      };
      const reply = await ask(port);
      expect([reply.header("content-encoding"), digest(reply.body)]).toEqual(["gzip", digest(GZIPPED)]);
    },
  },
  {
    name: "an encoding nobody knows passes untouched",
    async run({ origin, port }) {
      origin.behaviour = (request) => request.reply({ body: "\x00\xff\x01", fields: [["Content-Encoding", "x-mine"]] });
      const reply = await ask(port);
      expect([reply.header("content-encoding"), reply.body.toString("latin1")]).toEqual(["x-mine", "\x00\xff\x01"]);
    },
  },
  {
    name: "an empty reply is an empty reply and the connection goes on",
    async run({ origin, port }) {
      origin.behaviour = (request) => request.reply({ body: "" });
      await using client = await RawClient.connect(port);
      for (const target of ["/1", "/2"]) {
        client.request({ target });
        const reply = await client.read();
        expect([reply.status, reply.body.length]).toEqual([200, 0]);
      }
    },
  },
  {
    name: "an empty chunked reply is an empty reply",
    async run({ origin, port }) {
      origin.behaviour = (request) => {
        request.head(200, CHUNKED);
        request.endChunks();
      };
      expect((await ask(port)).body.length).toBe(0);
    },
  },
  {
    name: "a POST with an empty body says so to the origin",
    async run({ origin, port }) {
      await ask(port, { method: "POST", body: "" });
      expect(origin.only.header("content-length")).toBe("0");
    },
  },
  {
    name: "a GET without a body goes on without a length",
    async run({ origin, port }) {
      await ask(port);
      expect([origin.only.headers("content-length"), origin.only.headers("transfer-encoding")]).toEqual([[], []]);
    },
  },
  {
    name: "the body of a GET goes on",
    skip: { serve: "Bun.serve hides the body of a GET, and fetch cannot send one" },
    async run({ origin, port }) {
      origin.behaviour = async (request) => request.reply({ body: await request.body.all() });
      expect((await ask(port, { method: "GET", body: "searching" })).text).toBe("searching");
    },
  },
  {
    name: "a reply that ends with its connection comes whole",
    async run({ origin, port }) {
      origin.behaviour = (request) => {
        request.head(200, [["Content-Type", "text/plain"]]);
        request.write("until the end");
        request.end();
      };
      expect((await ask(port)).text).toBe("until the end");
    },
  },
  {
    name: "a reply that comes before the request's body has ended reaches the client",
    async run({ origin, port }) {
      origin.behaviour = (request) => request.reply({ status: 401, reason: "Unauthorized", body: "no" });
      await using client = await RawClient.connect(port);
      client.request({ method: "POST", fields: [["Content-Length", "1000"]], body: "the beginning" });
      expect((await client.read("POST")).status).toBe(401);
    },
  },
];
