import { describe, expect, test } from "bun:test";
import { definePlugin, t } from "sluice";
import { testPlugin } from "sluice/testing";

describe("the phases", () => {
  test("run in their order, response and log included, and share state", async () => {
    const seen: string[] = [];
    const plugin = definePlugin({
      name: "order",
      config: t.Object({}),
      provides: { n: 0 },
      setup: () => ({
        route: () => void seen.push("route"),
        request: (ctx) => {
          ctx.state.n = 1;
          seen.push("request");
        },
        upstream: (ctx) => void seen.push(`upstream ${ctx.attempt}`),
        send: (ctx) => void seen.push(`send ${ctx.endpoint}`),
        response: (ctx) => void seen.push(`response ${ctx.reply.status} ${ctx.reply.source}`),
        log: (ctx) => void seen.push(`log ${ctx.state.n} ${ctx.replyBytes}`),
      }),
    });
    await using bench = await testPlugin(plugin, { upstream: () => new Response("hello") });
    const reply = await bench.request("/x");
    expect(await reply.text()).toBe("hello");
    await bench.idle();
    expect(seen).toEqual([
      "route",
      "request",
      "upstream 1",
      "send http://127.0.0.1:1",
      "response 200 upstream",
      "log 1 0",
    ]);
  });

  test("asynchronous hooks are waited for, and the order stays", async () => {
    const seen: string[] = [];
    const plugin = definePlugin({
      name: "order",
      config: t.Object({}),
      setup: () => ({
        async route() {
          await Bun.sleep(0);
          seen.push("route");
        },
        async request(ctx) {
          await Bun.sleep(0);
          ctx.headers.set("X-A", "1");
          seen.push("request");
        },
        async upstream() {
          await Promise.resolve();
          seen.push("upstream");
        },
        async send(ctx) {
          await Bun.sleep(0);
          ctx.outgoing.headers.set("X-Signed", ctx.outgoing.target);
          seen.push("send");
        },
        async response(ctx) {
          await Bun.sleep(0);
          ctx.reply.headers.set("X-B", "2");
          seen.push("response");
        },
      }),
    });
    await using bench = await testPlugin(plugin, { upstream: () => new Response("hello") });
    const reply = await bench.request("/x?y=1");
    expect(reply.headers.get("x-b")).toBe("2");
    expect(bench.upstream.requests[0]!.headers.get("x-a")).toBe("1");
    expect(bench.upstream.requests[0]!.headers.get("x-signed")).toBe("/x?y=1");
    expect(seen).toEqual(["route", "request", "upstream", "send", "response"]);
  });

  test("an answer skips what follows and goes through response", async () => {
    const plugin = definePlugin({
      name: "answers",
      config: t.Object({}),
      setup: () => ({
        request: (ctx) => ctx.respond(418, "short and stout"),
        response: (ctx) => ctx.reply.headers.set("X-Source", ctx.reply.source),
      }),
    });
    await using bench = await testPlugin(plugin);
    const reply = await bench.request("/");
    expect(reply.status).toBe(418);
    expect(reply.headers.get("x-source")).toBe("plugin");
    expect(reply.headers.get("content-length")).toBe("15");
    expect(await reply.text()).toBe("short and stout");
    expect(bench.upstream.requests).toEqual([]);
  });

  test("a Response of the web's own keeps its length, and a stream streams", async () => {
    const plugin = definePlugin({
      name: "answers",
      config: t.Object({}),
      setup: () => ({
        request(ctx) {
          if (ctx.path === "/whole") return Response.json({ a: 1 });
          if (ctx.path === "/empty") return new Response(null, { status: 204 });
          return new Response(
            new ReadableStream({
              async start(controller) {
                controller.enqueue(new TextEncoder().encode("one "));
                await Bun.sleep(1);
                controller.enqueue(new TextEncoder().encode("two"));
                controller.close();
              },
            }),
          );
        },
      }),
    });
    await using bench = await testPlugin(plugin);
    const whole = await bench.request("/whole");
    expect(whole.headers.get("content-length")).toBe("7");
    expect(await whole.json()).toEqual({ a: 1 });
    expect((await bench.request("/empty")).status).toBe(204);
    const streamed = await bench.request("/stream");
    expect(streamed.headers.get("content-length")).toBeNull();
    expect(await streamed.text()).toBe("one two");
  });
});

describe("a hook that fails", () => {
  const failing = (onError: "fail" | "continue", how: () => never | Promise<never>) =>
    definePlugin({ name: "failing", config: t.Object({}), onError, setup: () => ({ request: () => how() }) });

  test("fails closed with plugin_failed, and says where", async () => {
    const plugin = failing("fail", () => {
      throw new Error("boom");
    });
    await using bench = await testPlugin(plugin);
    const reply = await bench.request("/");
    expect(reply.status).toBe(502);
    expect(((await reply.json()) as { code: string }).code).toBe("plugin_failed");
    expect(bench.events).toContainEqual(
      expect.objectContaining({ type: "plugin.failed", message: expect.stringContaining("boom") }),
    );
    expect(bench.upstream.requests).toEqual([]);
  });

  test("is passed over where it says so", async () => {
    await using bench = await testPlugin(failing("continue", () => Promise.reject(new Error("boom"))));
    expect((await bench.request("/")).status).toBe(200);
    expect(bench.upstream.requests.length).toBe(1);
  });

  test("by never settling is cut off at its deadline", async () => {
    await using bench = await testPlugin(
      failing("fail", () => new Promise<never>(() => undefined)),
      { timeoutMs: 500 },
    );
    const pending = bench.request("/");
    await bench.clock.advance(499);
    expect(Bun.peek.status(pending)).toBe("pending");
    await bench.clock.advance(200);
    expect((await pending).status).toBe(502);
  });

  test("again and again is not called for a while, and heals", async () => {
    let calls = 0;
    let well = false;
    const plugin = definePlugin({
      name: "flaky",
      config: t.Object({}),
      setup: () => ({
        request() {
          calls++;
          if (!well) throw new Error("down");
        },
      }),
    });
    await using bench = await testPlugin(plugin);
    for (let i = 0; i < 10; i++) expect((await bench.request("/")).status).toBe(502);
    expect(calls).toBe(5);
    well = true;
    expect((await bench.request("/")).status).toBe(502);
    await bench.clock.advance(1001);
    expect((await bench.request("/")).status).toBe(200);
    expect(bench.events.map(({ type }) => type)).toContain("plugin.resumed");
  });

  test("in response is answered in the reply's place, and outer hooks still see it", async () => {
    const plugin = definePlugin({
      name: "late",
      config: t.Object({}),
      setup: () => ({
        response() {
          throw new Error("late");
        },
      }),
    });
    await using bench = await testPlugin(plugin, { upstream: () => new Response("secret") });
    const reply = await bench.request("/");
    expect(reply.status).toBe(502);
    expect(await reply.text()).not.toContain("secret");
  });
});
