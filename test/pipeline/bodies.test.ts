import { describe, expect, test } from "bun:test";
import { definePlugin, t, type Hooks } from "sluice";
import { testPlugin } from "sluice/testing";

const NONE = t.Object({});

/** A plugin of nothing but hooks. */
function hooks(of: Hooks, more: { decode?: boolean; wholeOnly?: boolean; limitBytes?: number } = {}) {
  return definePlugin({ name: "bodies", config: NONE, bodyOptions: more, setup: () => of });
}

const upper = {
  chunk: (bytes: Uint8Array, push: (bytes: Uint8Array) => void) =>
    push(Buffer.from(Buffer.from(bytes).toString().toUpperCase())),
};

describe("ctx.body", () => {
  test("is read, forwarded all the same, and may be read again", async () => {
    const seen: unknown[] = [];
    const plugin = hooks({
      async request(ctx) {
        seen.push(await ctx.body!.json(), await ctx.body!.text());
      },
    });
    await using bench = await testPlugin(plugin);
    await bench.request("/", { method: "POST", body: '{"a":1}' });
    expect(seen).toEqual([{ a: 1 }, '{"a":1}']);
    expect(bench.upstream.requests[0]!.text()).toBe('{"a":1}');
  });

  test("past its limit is 413 and no fault of the plugin", async () => {
    const plugin = hooks(
      {
        async request(ctx) {
          await ctx.body!.bytes();
        },
      },
      { limitBytes: 10 },
    );
    await using bench = await testPlugin(plugin);
    const stream = new ReadableStream({
      start(controller) {
        controller.enqueue(new Uint8Array(8));
        controller.enqueue(new Uint8Array(8));
        controller.close();
      },
    });
    for (const body of ["x".repeat(11), stream])
      expect((await bench.request("/", { method: "POST", body })).status).toBe(413);
    expect((await bench.request("/", { method: "POST", body: "x".repeat(10) })).status).toBe(200);
    expect(bench.events.filter(({ type }) => type === "plugin.failed")).toEqual([]);
  });

  test("that is not JSON is 400", async () => {
    const plugin = hooks({
      async request(ctx) {
        await ctx.body!.json();
      },
    });
    await using bench = await testPlugin(plugin);
    expect((await bench.request("/", { method: "POST", body: "{" })).status).toBe(400);
  });

  test("is replaced, and its length with it", async () => {
    const plugin = hooks({ request: (ctx) => ctx.body!.replace("other") });
    await using bench = await testPlugin(plugin);
    await bench.request("/", { method: "POST", body: "a longer one" });
    expect(bench.upstream.requests[0]!.text()).toBe("other");
    expect(bench.upstream.requests[0]!.headers.get("content-length")).not.toBe("12");
  });

  test("taken as a stream and replaced by what comes of it", async () => {
    const plugin = hooks({
      request(ctx) {
        const reversed = new TransformStream<Uint8Array, Uint8Array>({
          transform: (chunk, controller) => controller.enqueue(chunk.toReversed()),
        });
        ctx.body!.replace(ctx.body!.stream().pipeThrough(reversed));
      },
    });
    await using bench = await testPlugin(plugin);
    await bench.request("/", { method: "POST", body: "abc" });
    expect(bench.upstream.requests[0]!.text()).toBe("cba");
  });
});

describe("a body transform", () => {
  test("changes both ways, drops lengths and digests, and weakens the ETag", async () => {
    const plugin = hooks({ requestBody: () => upper, responseBody: () => upper });
    const headers = { ETag: '"x"', "Content-MD5": "x", "Content-Digest": "x", Digest: "x" };
    await using bench = await testPlugin(plugin, { upstream: () => new Response("hello", { headers }) });
    const reply = await bench.request("/", { method: "POST", body: "abc" });
    expect(bench.upstream.requests[0]!.text()).toBe("ABC");
    expect(bench.upstream.requests[0]!.headers.get("content-length")).toBeNull();
    expect(await reply.text()).toBe("HELLO");
    expect(reply.headers.get("etag")).toBe('W/"x"');
    for (const name of ["content-length", "content-md5", "content-digest", "digest"])
      expect([name, reply.headers.get(name)]).toEqual([name, null]);
  });

  test("that is undefined leaves everything as it is", async () => {
    const plugin = hooks({ responseBody: () => undefined });
    await using bench = await testPlugin(plugin, {
      upstream: () => new Response("hello", { headers: { ETag: '"x"' } }),
    });
    const reply = await bench.request("/");
    expect([reply.headers.get("content-length"), reply.headers.get("etag")]).toEqual(["5", '"x"']);
  });

  test("may be a TransformStream, may wait, and has the last word at the end", async () => {
    const plugin = hooks({
      requestBody: () =>
        new TransformStream<Uint8Array, Uint8Array>({
          transform: (chunk, controller) => controller.enqueue(chunk),
          flush: (controller) => controller.enqueue(Buffer.from("!")),
        }),
      responseBody: () => ({
        async chunk(bytes, push) {
          await Bun.sleep(1);
          push(bytes);
        },
        async end(push) {
          await Bun.sleep(1);
          push(Buffer.from("?"));
        },
      }),
    });
    const body = () =>
      new ReadableStream({
        async start(controller) {
          for (const part of ["one ", "two ", "three"]) {
            controller.enqueue(Buffer.from(part));
            await Bun.sleep(0);
          }
          controller.close();
        },
      });
    await using bench = await testPlugin(plugin, { upstream: () => new Response(body()) });
    const reply = await bench.request("/", { method: "POST", body: "abc" });
    expect(await reply.text()).toBe("one two three?");
    expect(bench.upstream.requests[0]!.text()).toBe("abc!");
  });

  test("is skipped for HEAD, 204 and 304", async () => {
    let made = 0;
    const plugin = hooks({
      responseBody() {
        made++;
        return upper;
      },
    });
    await using bench = await testPlugin(plugin, {
      upstream: (request) => new Response(null, { status: Number(new URL(request.url).pathname.slice(1)) }),
    });
    await bench.request("/200", { method: "HEAD" });
    await bench.request("/204");
    await bench.request("/304");
    expect(made).toBe(0);
  });

  test("that throws after the head was sent cuts the body, and never ends it cleanly", async () => {
    const plugin = hooks({
      responseBody: () => ({
        chunk() {
          throw new Error("boom");
        },
      }),
    });
    await using bench = await testPlugin(plugin, { upstream: () => new Response("hello") });
    const reply = await bench.request("/");
    expect(reply.text()).rejects.toThrow();
    expect(bench.events.some(({ type }) => type === "plugin.failed")).toBe(true);
  });

  test("that cannot be made fails closed", async () => {
    const plugin = hooks({
      responseBody() {
        throw new Error("boom");
      },
    });
    await using bench = await testPlugin(plugin, { upstream: () => new Response("secret") });
    const reply = await bench.request("/");
    expect(reply.status).toBe(502);
    expect(await reply.text()).not.toContain("secret");
  });

  test("gets decoded bytes where it asks for them, and fails closed on codings nobody knows", async () => {
    const plugin = hooks({ responseBody: () => upper, requestBody: () => upper }, { decode: true });
    await using bench = await testPlugin(plugin, {
      upstream: (request) => {
        const coding = new URL(request.url).pathname.slice(1);
        const bytes = { gzip: Bun.gzipSync("hello"), zstd: Bun.zstdCompressSync("hello") }[coding];
        return new Response(bytes ?? "hello", { headers: { "Content-Encoding": coding } });
      },
    });
    for (const coding of ["gzip", "zstd"]) {
      const reply = await bench.request(`/${coding}`);
      expect(await reply.text()).toBe("HELLO");
      expect(reply.headers.get("content-encoding")).toBeNull();
    }
    expect((await bench.request("/snappy")).status).toBe(502);
    await bench.request("/gzip", {
      method: "POST",
      body: Bun.gzipSync("abc"),
      headers: { "Content-Encoding": "gzip" },
    });
    expect(bench.upstream.requests.at(-1)!.text()).toBe("ABC");
  });

  test("that needs the whole asks for no range and takes no part", async () => {
    const plugin = hooks({ responseBody: () => upper }, { wholeOnly: true });
    await using bench = await testPlugin(plugin, { upstream: () => new Response("part", { status: 206 }) });
    const reply = await bench.request("/", { headers: { Range: "bytes=0-3" } });
    expect(bench.upstream.requests[0]!.headers.get("range")).toBeNull();
    expect(reply.status).toBe(502);
  });

  test("is closed together with a client that goes away", async () => {
    let aborted = 0;
    const plugin = hooks({ responseBody: () => ({ ...upper, abort: () => void aborted++ }) });
    const endless = () => new ReadableStream({ pull: (controller) => controller.enqueue(Buffer.from("x")) });
    await using bench = await testPlugin(plugin, { upstream: () => new Response(endless()) });
    const reply = await bench.request("/");
    const reader = reply.body!.getReader();
    expect(Buffer.from((await reader.read()).value!).toString()).toStartWith("X");
    await reader.cancel();
    expect(aborted).toBe(1);
  });
});
