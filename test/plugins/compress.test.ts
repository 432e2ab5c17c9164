import { describe, expect, test } from "bun:test";
import { brotliDecompressSync, constants, gunzipSync, zstdDecompressSync } from "node:zlib";
import { testPlugin } from "sluice/testing";
import { negotiate } from "../../plugins/compress/accept-encoding.ts";
import compress from "../../plugins/compress/index.ts";
import { pageExample } from "./page-example.ts";

const LONG = "compress me, please. ".repeat(500);
const HTML = { "Content-Type": "text/html; charset=utf-8" };

interface Asked {
  readonly config?: unknown;
  readonly accept?: string;
  readonly headers?: Record<string, string>;
  readonly method?: string;
  readonly reply?: () => Response;
}

async function fetched({ config = {}, accept = "gzip", headers = {}, method = "GET", reply = longReply }: Asked) {
  const t = await testPlugin(compress, { config, upstream: reply });
  const got = await t.request("/x", { method, headers: { "Accept-Encoding": accept, ...headers } });
  const bytes = Buffer.from(await got.arrayBuffer());
  await t.close();
  return { got, bytes, coding: got.headers.get("content-encoding"), vary: got.headers.get("vary") };
}

const longReply = () => new Response(LONG, { headers: { ...HTML, ETag: '"1"', "Accept-Ranges": "bytes" } });
const replying =
  (headers: Record<string, string>, status = 200, body: string | null = LONG) =>
  () =>
    new Response(body, { status, headers: { ...HTML, ...headers } });

describe("compress", () => {
  const unpack = { gzip: gunzipSync, br: brotliDecompressSync, zstd: zstdDecompressSync } as const;
  for (const coding of ["gzip", "br", "zstd"] as const)
    test(`packs with ${coding}, and says so`, async () => {
      const { got, bytes, coding: used, vary } = await fetched({ accept: coding });
      expect(used).toBe(coding);
      expect(vary).toBe("Accept-Encoding");
      expect(bytes.length).toBeLessThan(LONG.length / 10);
      expect(unpack[coding](bytes).toString()).toBe(LONG);
      expect(got.headers.get("etag")).toBe('W/"1"');
      expect(got.headers.has("content-length")).toBe(false);
      expect(got.headers.has("accept-ranges")).toBe(false);
    });

  test("packs failures as well", async () => {
    expect((await fetched({ reply: replying({}, 500) })).coding).toBe("gzip");
  });

  test("packs long bodies chunk by chunk, whole and in order", async () => {
    const chunks = Array.from({ length: 200 }, (_, i) => Buffer.from(`${i} `.repeat(2000)));
    const left = [...chunks];
    const body = () =>
      new ReadableStream<Uint8Array>({
        async pull(controller) {
          await Promise.resolve();
          const chunk = left.shift();
          if (chunk === undefined) controller.close();
          else controller.enqueue(chunk);
        },
      });
    const { bytes, coding } = await fetched({ accept: "zstd", reply: () => new Response(body(), { headers: HTML }) });
    expect(coding).toBe("zstd");
    expect(zstdDecompressSync(bytes).equals(Buffer.concat(chunks))).toBe(true);
  });

  const untouched: Array<[what: string, asked: Asked, vary: string | null]> = [
    ["packed already", { reply: replying({ "Content-Encoding": "br" }) }, null],
    ["not to be changed", { reply: replying({ "Cache-Control": "public, no-transform" }) }, null],
    ["not worth it by its type", { reply: replying({ "Content-Type": "image/png" }) }, null],
    ["a part", { reply: replying({ "Content-Range": "bytes 0-9/20" }, 206) }, null],
    ["an event stream", { reply: replying({ "Content-Type": "text/event-stream" }) }, null],
    ["short", { reply: replying({}, 200, "short") }, "Accept-Encoding"],
    ["wanted plain", { accept: "identity" }, "Accept-Encoding"],
    ["asked for in part", { headers: { Range: "bytes=0-9" } }, "Accept-Encoding"],
    ["asked for untransformed", { headers: { "Cache-Control": "no-transform" } }, "Accept-Encoding"],
    ["the answer to HEAD", { method: "HEAD" }, "Accept-Encoding"],
    ["a 304", { reply: replying({ Vary: "Cookie" }, 304, null) }, "Cookie, Accept-Encoding"],
  ];
  for (const [what, asked, vary] of untouched)
    test(`leaves alone what is ${what}, with Vary ${vary}`, async () => {
      const got = await fetched(asked);
      expect(got.coding === "gzip").toBe(false);
      expect(got.vary).toBe(vary);
    });

  test("keeps the Vary that is there", async () => {
    expect((await fetched({ reply: replying({ Vary: "Cookie" }) })).vary).toBe("Cookie, Accept-Encoding");
    expect((await fetched({ reply: replying({ Vary: "accept-encoding" }) })).vary).toBe("accept-encoding");
    expect((await fetched({ reply: replying({ Vary: "*" }) })).vary).toBe("*");
  });

  test("packs short bodies for who takes nothing else", async () => {
    const { coding } = await fetched({ accept: "gzip, identity;q=0", reply: replying({}, 200, "short") });
    expect(coding).toBe("gzip");
  });

  test("sends each event at once", async () => {
    const sent: Array<ReadableStreamDefaultController<Uint8Array>> = [];
    const events = new ReadableStream<Uint8Array>({ start: (controller) => void sent.push(controller) });
    const headers = { "Content-Type": "text/event-stream" };
    const t = await testPlugin(compress, {
      config: { eventStreams: true },
      upstream: () => new Response(events, { headers }),
    });
    const got = await t.request("/x", { headers: { "Accept-Encoding": "gzip" } });
    expect(got.headers.get("content-encoding")).toBe("gzip");
    const reader = got.body!.getReader();
    let packed = Buffer.alloc(0);
    let expected = "";
    for (const event of ["data: 1\n\n", "data: 2\n\n"]) {
      sent[0]!.enqueue(new TextEncoder().encode(event));
      expected += event;
      // The stream stays open: what can be unpacked now has been sent at once.
      for (
        let seen = "";
        seen !== expected;
        seen = gunzipSync(packed, { finishFlush: constants.Z_SYNC_FLUSH }).toString()
      ) {
        const { value } = await reader.read();
        packed = Buffer.concat([packed, value!]);
      }
    }
    sent[0]!.close();
    while (!(await reader.read()).done);
    await t.close();
  });

  test("packs no more than it may at once, and again when one is over", async () => {
    const sent: Array<ReadableStreamDefaultController<Uint8Array>> = [];
    const endless = () => new ReadableStream<Uint8Array>({ start: (controller) => void sent.push(controller) });
    const upstream = () => new Response(endless(), { headers: HTML });
    const t = await testPlugin(compress, { config: { maxConcurrent: 1 }, upstream });
    const ask = () => t.request("/x", { headers: { "Accept-Encoding": "gzip" } });
    const first = await ask();
    expect(first.headers.get("content-encoding")).toBe("gzip");
    const second = await ask();
    expect(second.headers.get("content-encoding")).toBeNull();
    expect(second.headers.get("vary")).toBe("Accept-Encoding");
    expect(Object.entries(t.metrics).filter(([name]) => name.includes("skipped"))).toEqual([[expect.any(String), 1]]);
    await first.body!.cancel();
    expect((await ask()).headers.get("content-encoding")).toBe("gzip");
    await t.close();
  });

  test("cuts its reply off where the upstream breaks off, and gives its place back", async () => {
    let replies = 0;
    const upstream = () => {
      replies++;
      const broken = new ReadableStream<Uint8Array>({
        async pull(controller) {
          await Promise.resolve();
          controller.enqueue(new TextEncoder().encode(LONG));
          controller.error(new Error("gone"));
        },
      });
      return replies === 1 ? new Response(broken, { headers: HTML }) : longReply();
    };
    const t = await testPlugin(compress, { config: { maxConcurrent: 1 }, upstream });
    const ask = () => t.request("/x", { headers: { "Accept-Encoding": "br" } });
    await expect((await ask()).arrayBuffer()).rejects.toThrow();
    const next = await ask();
    expect(next.headers.get("content-encoding")).toBe("br");
    expect(brotliDecompressSync(Buffer.from(await next.arrayBuffer())).toString()).toBe(LONG);
    expect(t.events.filter(({ type }) => type === "plugin.failed")).toEqual([]);
    await t.close();
  });

  const wrong: Array<[config: unknown, says: string]> = [
    [{ types: ["html"] }, "no media type"],
    [{ codings: ["deflate"] }, "codings"],
    [{ levels: { gzip: 12 } }, "levels"],
  ];
  for (const [config, says] of wrong)
    test(`refuses ${JSON.stringify(config)} at set-up`, async () => {
      await expect(testPlugin(compress, { config })).rejects.toThrow(says);
    });

  test("does what compress.md says", async () => {
    const config = pageExample("compress");
    const json = () => Response.json({ text: "x".repeat(600) });
    const packed = await fetched({ config, accept: "gzip, br, zstd", reply: json });
    expect(packed.coding).toBe("br");
    expect(JSON.parse(brotliDecompressSync(packed.bytes).toString())).toEqual({ text: "x".repeat(600) });
    expect((await fetched({ config, accept: "zstd" })).coding).toBeNull();
  });
});

describe("what a client takes", () => {
  const cases: Array<[header: string | null, coding: string | null, mustEncode?: true]> = [
    [null, null],
    ["", null],
    ["gzip", "gzip"],
    ["GZIP", "gzip"],
    ["x-gzip", "gzip"],
    ["gzip, br", "br"],
    ["gzip, deflate, br, zstd", "zstd"],
    ["gzip;q=1.0, br;q=0.5", "gzip"],
    ["br;q=0, gzip", "gzip"],
    ["*", "zstd"],
    ["*;q=0.1, zstd;q=0", "br"],
    ["identity, gzip;q=0.5", null],
    ["identity;q=0.5, gzip", "gzip"],
    ["identity;q=0, gzip;q=0.1", "gzip", true],
    ["gzip, *;q=0", "gzip", true],
    ["*;q=0", null, true],
    ["deflate", null],
    ["gzip;q=2, br;q=oops", null],
    ["gzip ; q=0.0", null],
  ];
  for (const [header, coding, mustEncode = false] of cases)
    test(`${JSON.stringify(header)} is answered with ${coding ?? "plain bytes"}`, () => {
      expect(negotiate(header, ["zstd", "br", "gzip"])).toEqual({ coding, mustEncode } as ReturnType<typeof negotiate>);
    });
});
