import { describe, expect, test } from "bun:test";
import { eventually, Gate } from "../kit/eventually.ts";
import { ask, RawClient } from "../kit/raw-client.ts";
import { RawOrigin } from "../kit/raw-origin.ts";
import { Sluice } from "../kit/sluice.ts";
import { echoMessages, openWebSocket } from "../kit/websocket-origin.ts";
import { PluginFolder } from "./plugin-folder.ts";

const started = async (edge: string, folder: PluginFolder, origin: RawOrigin, plugins = ["one"]) =>
  Sluice.start((port) => ({
    listeners: [{ name: "web", host: "127.0.0.1", port, edge }],
    plugins: { dir: folder.path },
    upstreams: [{ name: "api", url: origin.url }],
    routes: [{ path: "/*", upstream: "api", plugins }],
  }));

for (const edge of ["wire", "serve"]) {
  describe(`plugins on edge ${edge}`, () => {
    test("change requests and replies, and answer", async () => {
      using folder = new PluginFolder();
      folder.write(
        "one",
        `request(ctx) { if (ctx.path === "/own") return ctx.respond(201, "mine"); ctx.headers.set("X-In", "1"); },
         response(ctx) { ctx.reply.headers.set("X-Out", ctx.reply.source); }`,
      );
      await using origin = await RawOrigin.start((request) => request.reply({ body: `in ${request.header("x-in")}` }));
      await using sluice = await started(edge, folder, origin);
      const forwarded = await ask(sluice.port, { target: "/x" });
      expect([forwarded.text, forwarded.header("x-out")]).toEqual(["in 1", "upstream"]);
      const own = await ask(sluice.port, { target: "/own" });
      expect([own.status, own.text, own.header("x-out"), own.header("content-length")]).toEqual([
        201,
        "mine",
        "plugin",
        "4",
      ]);
      const head = await ask(sluice.port, { target: "/own", method: "HEAD" });
      expect([head.status, head.text]).toEqual([201, ""]);
    });

    test("transform large bodies both ways, in order and without losing a byte", async () => {
      using folder = new PluginFolder();
      const invert = "{ chunk: (bytes, push) => push(bytes.map((byte) => byte ^ 255)) }";
      folder.write("one", `requestBody: () => (${invert}), responseBody: () => (${invert})`);
      await using origin = await RawOrigin.start(async (request) => request.reply({ body: await request.body.all() }));
      await using sluice = await started(edge, folder, origin);
      const body = Buffer.alloc(3_000_000, "0123456789abcdef");
      const reply = await ask(sluice.port, { method: "POST", target: "/", body });
      expect(reply.body.equals(body)).toBe(true);
      expect(reply.header("content-length")).toBeNull();
      expect(origin.requests[0]!.header("transfer-encoding")).toBe("chunked");
    });

    test("read a body that the client holds back until it is told to go on", async () => {
      using folder = new PluginFolder();
      folder.write("one", "async request(ctx) { return ctx.respond(200, await ctx.body.text()); }");
      await using origin = await RawOrigin.start((request) => request.reply());
      await using sluice = await started(edge, folder, origin);
      await using client = await RawClient.connect(sluice.port);
      client.request({
        method: "POST",
        fields: [
          ["Expect", "100-continue"],
          ["Content-Length", "5"],
        ],
      });
      expect((await client.readHead("POST")).status).toBe(100);
      client.send("hello");
      expect((await client.read("POST")).text).toBe("hello");
    });

    test("hear of a client that goes away while they wait, once, and then of the end", async () => {
      using folder = new PluginFolder();
      folder.write(
        "one",
        `request(ctx) { if (ctx.path !== "/wait") return; log.info("waiting"); return new Promise((resolve) => ctx.signal.addEventListener("abort", () => { log.info("heard"); resolve(); })); },
         log(ctx) { log.info("logged " + ctx.path); }`,
      );
      await using origin = await RawOrigin.start((request) => request.reply({ body: "ok" }));
      await using sluice = await started(edge, folder, origin);
      const client = await RawClient.connect(sluice.port);
      client.request({ target: "/wait" });
      await sluice.process.says("waiting");
      client.reset();
      await sluice.process.says("heard");
      await sluice.process.says("logged /wait");
      expect((await ask(sluice.port, { target: "/after" })).text).toBe("ok");
      expect(origin.requests.map(({ target }) => target)).toEqual(["/after"]);
      expect(sluice.timesLogged("logged /wait")).toBe(1);
    });

    test("hear of a client that goes away while the upstream works", async () => {
      using folder = new PluginFolder();
      folder.write(
        "one",
        `request(ctx) { ctx.signal.addEventListener("abort", () => log.info("heard")); },
         async response() { await Bun.sleep(1); }`,
      );
      const gate = new Gate();
      await using origin = await RawOrigin.start(async (request) => {
        await gate.opened;
        request.reply();
      });
      await using sluice = await started(edge, folder, origin);
      const client = await RawClient.connect(sluice.port);
      client.request({ target: "/" });
      await eventually("the request at the origin", () => origin.requests.length === 1);
      client.reset();
      await sluice.process.says("heard");
      gate.open();
    });

    test("let WebSockets through, see their 101, and may refuse them", async () => {
      using folder = new PluginFolder();
      folder.write(
        "one",
        `response(ctx) { log.info("head " + ctx.reply.status); if (ctx.path === "/no") return ctx.respond(403, "no"); }`,
      );
      await using origin = await RawOrigin.start(echoMessages);
      await using sluice = await started(edge, folder, origin);
      const { socket } = await openWebSocket(sluice.port, "/ws");
      socket.text("hello");
      expect(await socket.nextText()).toBe("hello");
      await sluice.process.says("head 101");
      await using client = await RawClient.connect(sluice.port);
      const key = Buffer.alloc(16).toString("base64");
      client.request({
        target: "/no",
        fields: [
          ["Connection", "Upgrade"],
          ["Upgrade", "websocket"],
          ["Sec-WebSocket-Version", "13"],
          ["Sec-WebSocket-Key", key],
        ],
      });
      const refused = await client.read();
      expect([refused.status, refused.text]).toEqual([403, "no"]);
    });

    test("a transform that breaks after the head cuts the connection", async () => {
      using folder = new PluginFolder();
      folder.write(
        "one",
        `responseBody: () => { let n = 0; return { chunk(bytes, push) { if (n++ > 0) throw new Error("late"); push(bytes); } }; }`,
      );
      await using origin = await RawOrigin.start(async (request) => {
        request.head(200, [["Content-Length", "10"]]);
        request.write("01234");
        await eventually("the first part sent on", () => sent);
        request.write("56789");
      });
      let sent = false;
      await using sluice = await started(edge, folder, origin);
      await using client = await RawClient.connect(sluice.port);
      client.request({ target: "/" });
      const head = await client.readHead();
      sent = true;
      expect(head.body.all()).rejects.toThrow();
      await head.body.all().catch(() => undefined);
      await sluice.process.says("late");
    });
  });
}
