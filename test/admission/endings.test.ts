import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { eventually } from "../kit/eventually.ts";
import { ask, RawClient } from "../kit/raw-client.ts";
import type { Behaviour } from "../kit/raw-origin.ts";
import { Sluice } from "../kit/sluice.ts";
import { echoMessages, openWebSocket } from "../kit/websocket-origin.ts";
import { PluginFolder } from "../pipeline/plugin-folder.ts";
import { EDGES, HoldingOrigin, places } from "./crowd.ts";

setDefaultTimeout(60_000);

const LIMIT = 2;

/** What an origin does by what it is asked for. */
const BEHAVIOURS: Record<string, Behaviour> = {
  "/hello": (request) => request.reply({ body: "hello" }),
  "/silent": () => new Promise(() => undefined),
  "/endless": async (request) => {
    request.head(200, [["Content-Length", "1000000"]]);
    request.write("part");
    await request.aborted;
  },
  "/cut": (request) => {
    request.head(200, [["Content-Length", "1000000"]]);
    request.write("part");
    request.reset();
  },
  "/reset": async (request) => {
    await request.body.all();
    request.reset();
  },
  "/garbage": (request) => {
    request.write("what?\r\n\r\n");
    request.end();
  },
  "/ws": echoMessages,
};

describe.each(EDGES)("on edge %s", (edge) => {
  let origin: HoldingOrigin;
  let folder: PluginFolder;
  let sluice: Sluice;

  beforeAll(async () => {
    origin = await HoldingOrigin.start();
    const hold = origin.origin.behaviour;
    origin.origin.behaviour = (request) => (BEHAVIOURS[request.target.split("?")[0]!] ?? hold)(request);
    folder = new PluginFolder();
    folder.write("fails", ["upstream", "send", "response"].map(failing).join(", "));
    const limits = { maxInFlight: LIMIT, queue: { max: 5, wait: "20ms" } };
    sluice = await Sluice.start((port) => ({
      listeners: [{ name: "web", host: "127.0.0.1", port, edge }],
      limits: { maxInFlight: LIMIT },
      plugins: { dir: folder.path },
      upstreams: [
        { name: "api", url: origin.url, limits, timeouts: { firstByte: "10s" } },
        { name: "gone", url: "http://127.0.0.1:1", limits },
      ],
      routes: [
        { path: "/gone", upstream: "gone", maxInFlight: LIMIT },
        { path: "/silent", upstream: "api", maxInFlight: LIMIT, timeout: "100ms" },
        { path: "/*", upstream: "api", maxInFlight: LIMIT, plugins: ["fails"] },
      ],
      logging: { access: "off" },
    }));
  });

  afterAll(async () => {
    await sluice?.stop();
    await origin?.[Symbol.asyncDispose]();
    folder?.[Symbol.dispose]();
  });

  const statusOf = async (target: string) => (await ask(sluice.port, { target })).status;

  /** Opens one, and ends it after the reply's head, in the middle of its body. */
  async function leaveInTheMiddle(): Promise<void> {
    const client = await RawClient.connect(sluice.port);
    client.request({ target: "/endless" });
    const head = await client.readHead();
    await head.body.until("part");
    client.reset();
  }

  async function leaveUnanswered(): Promise<void> {
    const client = await RawClient.connect(sluice.port);
    client.request({ target: "/held" });
    await origin.holds(1);
    client.reset();
    await origin.holds(0);
  }

  async function leaveUpload(): Promise<void> {
    const client = await RawClient.connect(sluice.port);
    client.request({ method: "POST", target: "/held", fields: [["Content-Length", "1000"]], body: "only this" });
    await origin.holds(1);
    client.reset();
    await origin.holds(0);
  }

  async function talk(end: (client: RawClient, close: () => void) => void): Promise<void> {
    const { client, socket } = await openWebSocket(sluice.port);
    socket.text("hello");
    expect(await socket.nextText()).toBe("hello");
    end(client, () => socket.close(1000, "done"));
    if (client.stream.ending === null) client.close();
  }

  const endings: Record<string, () => Promise<unknown>> = {
    "a whole reply": async () => expect(await statusOf("/hello")).toBe(200),
    "a reply that the upstream cuts": () => ask(sluice.port, { target: "/cut" }).catch(() => null),
    "a reset before the reply": async () =>
      expect((await ask(sluice.port, { method: "POST", target: "/reset", body: "x" })).status).toBe(502),
    "an answer that is no HTTP": async () => expect(await statusOf("/garbage")).toBe(502),
    "a refused connection": async () => expect(await statusOf("/gone")).toBe(502),
    "a timeout": async () => expect(await statusOf("/silent")).toBe(504),
    "a client that leaves before the reply": leaveUnanswered,
    "a client that leaves in the middle of the reply": leaveInTheMiddle,
    "a client that leaves in the middle of its request": leaveUpload,
    "a WebSocket that ends in good order": () => talk((_, close) => close()),
    "a WebSocket whose client resets": () => talk((client) => client.reset()),
    "a plugin that fails before the endpoint is picked": async () =>
      expect(await statusOf("/hello?upstream")).toBe(502),
    "a plugin that fails before the request is sent": async () => expect(await statusOf("/hello?send")).toBe(502),
    "a plugin that fails at the reply": async () => expect(await statusOf("/hello?response")).toBe(502),
    "a plugin that answers in the upstream's place": async () => expect(await statusOf("/hello?answer")).toBe(418),
  };

  test.each(Object.keys(endings))("%s gives its places back, once", async (name) => {
    for (let i = 0; i < LIMIT + 1; i++) {
      await eventually("a free place", async () => (await statusOf("/hello")) === 200);
      await endings[name]!();
    }
    await eventually("a free place", async () => (await statusOf("/hello")) === 200);
    await allPlacesFree();
    expect(await places(sluice.port, "/held", origin)).toBe(LIMIT);
  });

  test("a WebSocket has its place for as long as it lives", async () => {
    await allPlacesFree();
    const talks = [await openWebSocket(sluice.port), await openWebSocket(sluice.port)];
    expect(await statusOf("/hello")).toBe(503);
    for (const { client } of talks) client.reset();
    await allPlacesFree();
  });

  /** Both places can be taken at once. */
  async function allPlacesFree(): Promise<void> {
    await eventually("all places free", async () => {
      const clients = await Promise.all(Array.from({ length: LIMIT }, () => RawClient.connect(sluice.port)));
      for (const client of clients) client.request({ target: "/held" });
      const isFull = await eventually("an answer or a place", () =>
        origin.held.length === LIMIT
          ? "full"
          : clients.some((client) => client.stream.unread.length > 0)
            ? "refused"
            : null,
      );
      origin.answerAll();
      for (const client of clients) client.close();
      await eventually("nothing held", () => (origin.answerAll(), origin.held.length === 0));
      return isFull === "full";
    });
  }
});

/** A hook that does what the query says. */
function failing(phase: string): string {
  const answers = phase === "upstream" ? 'if (ctx.query.has("answer")) return ctx.respond(418, "tea");' : "";
  return `${phase}(ctx) { if (ctx.query.has("${phase}")) throw new Error("as asked"); ${answers} }`;
}
