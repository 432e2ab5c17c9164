import { describe, expect, test } from "bun:test";
import { eventually, Gate } from "../kit/eventually.ts";
import { isFree } from "../kit/free-port.ts";
import { ask, RawClient } from "../kit/raw-client.ts";
import { RawOrigin } from "../kit/raw-origin.ts";
import { type Config, Sluice } from "../kit/sluice.ts";
import { echoMessages, openWebSocket } from "../kit/websocket-origin.ts";

const forwarding = (origin: RawOrigin, shutdown: Config = {}): Config => ({
  upstreams: [{ name: "o", url: origin.url }],
  routes: [{ path: "/*", upstream: "o" }],
  shutdown,
});
const respond: Config = { routes: [{ path: "/*", respond: { body: "x" } }] };

describe("shutdown", () => {
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    test(`on ${signal} exits 0 at once when nothing is in flight, idle connections or not`, async () => {
      await using sluice = await Sluice.start({ ...respond, shutdown: { drainMs: "5m" } });
      await using idle = await RawClient.connect(sluice.port);
      idle.request({});
      await idle.read();
      sluice.signal(signal);
      expect(await sluice.process.exited()).toBe(0);
      expect(await isFree(sluice.port)).toBe(true);
    });
  }

  test("finishes what is in flight, takes nothing new, and exits 0", async () => {
    const gate = new Gate();
    await using origin = await RawOrigin.start(async (request) => {
      request.head(200, [["Content-Length", "8"]]);
      request.write("half");
      await gate.opened;
      request.write("done");
    });
    await using sluice = await Sluice.start(forwarding(origin, { drainMs: "1m" }));
    await using client = await RawClient.connect(sluice.port);
    client.request({});
    const { body } = await client.readHead();
    sluice.signal("SIGTERM");
    await eventually("refusal of new connections", () => refusesRequests(sluice.port));
    gate.open();
    expect(String(await body.all())).toBe("halfdone");
    expect(await sluice.process.exited()).toBe(0);
  });

  test("finishes a request that the origin has not answered yet", async () => {
    const gate = new Gate();
    await using origin = await RawOrigin.start(async (request) => {
      await gate.opened;
      request.reply({ body: "late" });
    });
    await using sluice = await Sluice.start(forwarding(origin, { drainMs: "1m" }));
    await using client = await RawClient.connect(sluice.port);
    client.request({});
    await origin.request();
    sluice.signal("SIGTERM");
    await sluice.process.says("draining");
    gate.open();
    expect((await client.read()).text).toBe("late");
    expect(await sluice.process.exited()).toBe(0);
  });

  test("cuts off what hangs longer than drainMs, and still exits 0", async () => {
    await using origin = await RawOrigin.start((request) => request.aborted.then(() => undefined));
    await using sluice = await Sluice.start(forwarding(origin, { drainMs: 300 }));
    await using client = await RawClient.connect(sluice.port);
    client.request({});
    await origin.request();
    sluice.signal("SIGTERM");
    expect(await sluice.process.exited()).toBe(0);
    expect(await client.ended).toBeOneOf(["fin", "rst"]);
  });

  test("cuts off a WebSocket after drainMs, and still exits 0", async () => {
    await using origin = await RawOrigin.start(echoMessages);
    await using sluice = await Sluice.start(forwarding(origin, { drainMs: 300 }));
    const { client, socket } = await openWebSocket(sluice.port);
    await using _ = client;
    socket.text("hi");
    await socket.nextText();
    sluice.signal("SIGTERM");
    expect(await sluice.process.exited()).toBe(0);
  });

  test("on a second signal ends at once", async () => {
    await using origin = await RawOrigin.start((request) => request.aborted.then(() => undefined));
    await using sluice = await Sluice.start(forwarding(origin, { drainMs: "5m" }));
    await using client = await RawClient.connect(sluice.port);
    client.request({});
    await origin.request();
    sluice.signal("SIGTERM");
    await sluice.process.says("draining");
    sluice.signal("SIGTERM");
    expect(await sluice.process.exited()).not.toBe(0);
  });

  test("with delayMs fails readiness first and goes on accepting", async () => {
    await using sluice = await Sluice.start((port) => ({
      listeners: [{ name: "web", host: "127.0.0.1", port, health: "/healthz" }],
      ...respond,
      shutdown: { delayMs: "1m", drainMs: "1m" },
    }));
    expect((await ask(sluice.port, { target: "/healthz" })).status).toBe(200);
    sluice.signal("SIGTERM");
    await eventually("failing readiness", async () => (await ask(sluice.port, { target: "/healthz" })).status === 503);
    expect((await ask(sluice.port)).text).toBe("x");
  });

  test("writes the access log of the last request before it exits", async () => {
    await using sluice = await Sluice.start({ ...respond, logging: { access: "all" } });
    await ask(sluice.port, { target: "/the-last-one" });
    sluice.signal("SIGTERM");
    expect(await sluice.process.exited()).toBe(0);
    expect(sluice.process.stdout).toContain("/the-last-one");
  });
});

/** True when a new connection is refused or gets nothing. */
async function refusesRequests(port: number): Promise<boolean> {
  return RawClient.connect(port).then(
    (client) => (client.close(), false),
    () => true,
  );
}
