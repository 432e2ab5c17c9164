import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { gunzipSync, gzipSync } from "node:zlib";
import { chunk, LAST_CHUNK } from "../kit/http-message.ts";
import { ask, RawClient } from "../kit/raw-client.ts";
import type { Sluice } from "../kit/sluice.ts";
import { crossing, PROTOCOLS, WebOrigin } from "./crossing.ts";

const MEGABYTE = 1024 * 1024;
const large = Buffer.from(Uint8Array.from({ length: MEGABYTE }, (_, i) => (i * 7919) >>> 5));
const sum = (bytes: Uint8Array): string => Bun.hash(bytes).toString(16);

for (const protocol of PROTOCOLS) {
  describe(`edge wire to an ${protocol} upstream`, () => {
    let origin: WebOrigin;
    let sluice: Sluice;

    beforeAll(async () => {
      origin = new WebOrigin();
      sluice = await crossing(origin, protocol);
    });

    afterAll(async () => {
      await sluice.stop();
      await origin[Symbol.asyncDispose]();
    });

    afterEach(() => {
      origin.answer = () => new Response("hello");
    });

    test("GET brings the body with its Content-Length", async () => {
      const reply = await ask(sluice.port);
      expect(reply.text).toBe("hello");
      expect(reply.framing).toEqual({ kind: "length", length: 5 });
    });

    test("several requests on one connection, pipelined, are answered in order", async () => {
      origin.answer = (request) => new Response(new URL(request.url).pathname);
      await using client = await RawClient.connect(sluice.port);
      for (const target of ["/a", "/b", "/c"]) client.request({ target });
      for (const target of ["/a", "/b", "/c"]) expect((await client.read()).text).toBe(target);
    });

    test("a small POST arrives whole", async () => {
      origin.answer = async (request) =>
        new Response(`${request.headers.get("content-length")} ${await request.text()}`);
      expect((await ask(sluice.port, { method: "POST", body: "hi" })).text).toBe("2 hi");
    });

    test("an empty POST arrives", async () => {
      origin.answer = async (request) => new Response(`<${await request.text()}>`);
      expect((await ask(sluice.port, { method: "POST", body: "" })).text).toBe("<>");
    });

    test("1 MB goes both ways unchanged, its length known", async () => {
      let got = "";
      origin.answer = async (request) => {
        got = sum(await request.bytes());
        return new Response(large);
      };
      const reply = await ask(sluice.port, { method: "POST", body: large });
      expect(got).toBe(sum(large));
      expect(reply.framing).toEqual({ kind: "length", length: MEGABYTE });
      expect(sum(reply.body)).toBe(sum(large));
    });

    test("1 MB goes both ways unchanged, chunked", async () => {
      origin.answer = (request) => new Response(request.body);
      await using client = await RawClient.connect(sluice.port);
      client.request({ method: "POST", fields: [["Transfer-Encoding", "chunked"]] });
      for (let at = 0; at < MEGABYTE; at += 50_000) client.send(chunk(large.subarray(at, at + 50_000)));
      client.send(LAST_CHUNK);
      const reply = await client.read();
      expect(reply.framing.kind).toBe("chunked");
      expect(sum(reply.body)).toBe(sum(large));
    });

    test("HEAD keeps the Content-Length of GET and has no body", async () => {
      origin.answer = () => new Response(null, { headers: { "Content-Length": "5" } });
      await using client = await RawClient.connect(sluice.port);
      client.request({ method: "HEAD" });
      expect((await client.read("HEAD")).header("content-length")).toBe("5");
      origin.answer = () => new Response("next");
      client.request({});
      expect((await client.read()).text).toBe("next");
    });

    for (const status of [204, 304]) {
      test(`${status} has no body, and the connection goes on`, async () => {
        origin.answer = () => new Response(null, { status, headers: { ETag: '"x"' } });
        await using client = await RawClient.connect(sluice.port);
        client.request({});
        const reply = await client.read();
        expect([reply.status, reply.header("etag"), reply.header("transfer-encoding")]).toEqual([status, '"x"', null]);
        origin.answer = () => new Response("next");
        client.request({});
        expect((await client.read()).text).toBe("next");
      });
    }

    test("Set-Cookie stays two fields", async () => {
      origin.answer = () =>
        new Response("", {
          headers: [
            ["Set-Cookie", "a=1"],
            ["Set-Cookie", "b=2; Expires=Wed, 01 Jan 2031 00:00:00 GMT"],
          ],
        });
      expect((await ask(sluice.port)).headers("set-cookie")).toEqual([
        "a=1",
        "b=2; Expires=Wed, 01 Jan 2031 00:00:00 GMT",
      ]);
    });

    test("a compressed body passes byte for byte with its Content-Encoding", async () => {
      const packed = gzipSync(large.subarray(0, 100_000));
      origin.answer = () => new Response(packed, { headers: { "Content-Encoding": "gzip" } });
      const reply = await ask(sluice.port, { fields: [["Accept-Encoding", "gzip"]] });
      expect(reply.header("content-encoding")).toBe("gzip");
      expect(reply.framing).toEqual({ kind: "length", length: packed.length });
      expect(sum(gunzipSync(reply.body))).toBe(sum(large.subarray(0, 100_000)));
    });

    test("Expect: 100-continue is answered by the proxy, and does not reach the origin", async () => {
      const seen: (string | null)[] = [];
      origin.answer = async (request) => {
        seen.push(request.headers.get("expect"));
        return new Response(await request.text());
      };
      await using client = await RawClient.connect(sluice.port);
      client.request({
        method: "POST",
        fields: [
          ["Expect", "100-continue"],
          ["Content-Length", "2"],
        ],
      });
      expect((await client.readHead()).status).toBe(100);
      client.send("hi");
      expect((await client.read()).text).toBe("hi");
      expect(seen).toEqual([null]);
    });

    test("what is refused says so, and nothing of it reaches the origin", async () => {
      const before = origin.requests;
      const codes: unknown[] = [];
      for (const parts of [
        { method: "OPTIONS", target: "*" },
        { method: "CONNECT", target: "h:1" },
        { method: "BREW" },
        { body: "hi" },
        { target: "/a/../b" },
        { target: "/a/%2e%2E" },
        { target: "/a\\b" },
      ]) {
        const reply = await ask(sluice.port, parts);
        codes.push([reply.status, reply.json()["code"]]);
      }
      const refused = [400, "bad_request"];
      const unknown = [501, "method_not_supported"];
      expect(codes).toEqual([unknown, unknown, unknown, refused, refused, refused, refused]);
      expect((await ask(sluice.port, { body: "hi" })).json()["detail"]).toBe(
        "a GET request with a body cannot be forwarded to this upstream",
      );
      expect(origin.requests).toBe(before);
    });

    test("dots that are no segments pass, in the path and behind the question mark", async () => {
      origin.answer = (request) => new Response(request.url.slice(request.url.indexOf("/", 8)));
      for (const target of ["/a..b/.c/d./...", "/x?u=/../y"]) {
        expect((await ask(sluice.port, { target })).text).toBe(target);
      }
    });

    test("GET with Content-Length: 0 has no body and passes", async () => {
      expect((await ask(sluice.port, { fields: [["Content-Length", "0"]] })).text).toBe("hello");
    });
  });
}
