import { describe, expect, test } from "bun:test";
import { definePlugin, t, type Hooks } from "sluice";
import { testPlugin } from "sluice/testing";

const hooks = (of: Hooks) => definePlugin({ name: "ctx", config: t.Object({}), setup: () => of });

describe("what hooks change", () => {
  test("method, path, host and headers reach the upstream; what came stays readable", async () => {
    const seen: unknown[] = [];
    const plugin = hooks({
      request(ctx) {
        ctx.method = "PUT";
        ctx.path = "/other?z=1";
        ctx.host = "other.example:81";
        ctx.headers.set("X-New", "1");
        ctx.headers.delete("X-Old");
        const { method, target, host, headers } = ctx.original;
        seen.push(method, target, host, headers.get("x-old"), ctx.query.get("z"), ctx.url.href);
      },
    });
    await using bench = await testPlugin(plugin);
    await bench.request("/first", { method: "POST", headers: { "X-Old": "1" } });
    const [asked] = bench.upstream.requests;
    expect([asked!.method, asked!.target, asked!.host]).toEqual(["PUT", "/other?z=1", "other.example:81"]);
    expect([asked!.headers.get("x-new"), asked!.headers.get("x-old")]).toEqual(["1", null]);
    expect(seen).toEqual(["POST", "/first", "localhost", "1", "1", "http://other.example:81/other?z=1"]);
  });

  test("and would break a head is refused", async () => {
    const attempts: Array<Hooks["request"]> = [
      (ctx) => ctx.headers.set("X", "a\r\nb"),
      (ctx) => ctx.headers.set("X", "\u010d\u010a"),
      (ctx) => ctx.headers.set("Content-Length", "1"),
      (ctx) => void (ctx.path = "/a b"),
      (ctx) => void (ctx.path = "//x\r\nY: z"),
      (ctx) => void (ctx.path = "x"),
      (ctx) => void (ctx.method = "G T"),
      (ctx) => void (ctx.method = "CONNECT"),
      (ctx) => void (ctx.host = "a b"),
      (ctx) => void (ctx.upstream = "nobody"),
      (ctx) => ctx.respond(101),
      (ctx) => void (ctx.identity = { id: "x" } as never),
      () => "text" as never,
    ];
    for (const request of attempts) {
      await using bench = await testPlugin(hooks({ request: request! }));
      expect([String(request), (await bench.request("/")).status]).toEqual([String(request), 502]);
      expect(bench.upstream.requests).toEqual([]);
    }
  });

  test("in send lasts one attempt", async () => {
    let attempts = 0;
    const plugin = hooks({
      send(ctx) {
        ctx.outgoing.headers.set("X-Attempt", String(ctx.attempt));
        ctx.outgoing.target = `/signed${ctx.outgoing.target}`;
        ctx.outgoing.host = "signed.example";
      },
      error: (ctx) => ctx.respond(200, `after ${ctx.error.attempts}: ${ctx.error.code}`),
    });
    await using bench = await testPlugin(plugin, {
      upstream: () => {
        attempts++;
        throw new Error("reset");
      },
    });
    const reply = await bench.request("/x");
    expect(await reply.text()).toBe("after 1: upstream_reset");
    expect(attempts).toBe(1);
    const [asked] = bench.upstream.requests;
    expect([asked!.target, asked!.host, asked!.headers.get("x-attempt")]).toEqual(["/signed/x", "signed.example", "1"]);
  });

  test("of the reply: status, headers, cookies", async () => {
    const plugin = hooks({
      request(ctx) {
        ctx.cookies.set("seen", "1", { httpOnly: true, path: "/" });
      },
      response(ctx) {
        ctx.reply.status = 203;
        ctx.reply.headers.append("Set-Cookie", "other=2");
        ctx.reply.headers.delete("Server");
      },
    });
    await using bench = await testPlugin(plugin, { upstream: () => new Response("x", { headers: { Server: "y" } }) });
    const reply = await bench.request("/", { headers: { Cookie: "a=b" } });
    expect(reply.status).toBe(203);
    expect(reply.headers.get("server")).toBeNull();
    expect(reply.headers.getSetCookie().map((cookie) => cookie.split(";")[0])).toEqual(["other=2", "seen=1"]);
  });
});

describe("ctx.upstream", () => {
  test("says where the request goes, from the request hooks on", async () => {
    const seen: string[] = [];
    const plugin = hooks({
      request: (ctx) => void seen.push(ctx.upstream),
      upstream: (ctx) => void seen.push(ctx.upstream),
      response: (ctx) => void seen.push(ctx.upstream),
    });
    await using bench = await testPlugin(plugin);
    await bench.request("/");
    expect(seen).toEqual(["upstream", "upstream", "upstream"]);
  });
});

describe("who the client is", () => {
  test("is not what an untrusted client claims, whatever hooks look at", async () => {
    const plugin = hooks({ request: (ctx) => void ctx.headers.get("x") });
    await using bench = await testPlugin(plugin);
    const headers = {
      "X-Forwarded-For": "1.1.1.1",
      "X-Real-IP": "1.1.1.1",
      Forwarded: "for=1.1.1.1",
      "X-Auth-Id": "root",
    };
    await bench.request("/", { headers, clientIp: "203.0.113.7" });
    const [asked] = bench.upstream.requests;
    expect(asked!.headers.get("x-forwarded-for")).toBe("203.0.113.7");
    for (const name of ["x-real-ip", "forwarded", "x-auth-id"]) expect(asked!.headers.get(name)).toBeNull();
  });

  test("is what a hook says, and the upstream is told", async () => {
    const plugin = hooks({
      request(ctx) {
        ctx.headers.set("X-Real-IP", ctx.clientIp);
        ctx.identity = { id: "Łukasz", by: "test", scopes: ["a", "b"] };
      },
    });
    await using bench = await testPlugin(plugin);
    await bench.request("/", { clientIp: "203.0.113.7", headers: { "X-Auth-Scopes": "admin" } });
    const { headers } = bench.upstream.requests[0]!;
    expect(headers.get("x-real-ip")).toBe("203.0.113.7");
    expect([headers.get("x-auth-id"), headers.get("x-auth-by"), headers.get("x-auth-scopes")]).toEqual([
      "%C5%81ukasz",
      "test",
      "a b",
    ]);
  });
});

describe("ctx.problem", () => {
  test("looks like every failure, with codes of Sluice's own or the plugin's", async () => {
    const plugin = hooks({
      request(ctx) {
        if (ctx.path === "/own") return ctx.problem("forbidden", { detail: "not you", headers: { "X-A": "1" } });
        return ctx.problem("plugin:quota", { status: 402 });
      },
    });
    await using bench = await testPlugin(plugin);
    const own = await bench.request("/own");
    expect([own.status, own.headers.get("content-type"), own.headers.get("x-a")]).toEqual([
      403,
      "application/problem+json",
      "1",
    ]);
    expect(await own.json()).toMatchObject({ code: "forbidden", status: 403, detail: "not you" });
    const theirs = await bench.request("/");
    expect(await theirs.json()).toMatchObject({ code: "plugin:quota", status: 402 });
  });
});
