import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { ProxyEvent } from "../../src/model/ports.ts";
import { HookPage, HOOK_PAGE_BYTES } from "../../src/plugin-services/hook-page.ts";
import { createPluginHost } from "../../src/plugin-services/plugin-host.ts";
import { createLogger } from "../../src/observability/logger.ts";
import { DataPlane } from "../../src/proxy/data-plane.ts";
import { localState } from "../../src/proxy/shared-state.ts";
import { createRateDeciders } from "../../src/rate-limit-redis/create-deciders.ts";
import { accepted } from "../config/config-files.ts";
import { eventually } from "../kit/eventually.ts";
import { freePort } from "../kit/free-port.ts";
import { ask, RawClient } from "../kit/raw-client.ts";
import { EDGES, HoldingOrigin, Sent } from "./crowd.ts";

setDefaultTimeout(60_000);

const LIMIT = 1000;

/** A data plane whose memory is what the test says. */
class Plane {
  used = 0;
  reclaimed = 0;
  readonly events: ProxyEvent[] = [];
  readonly plane: DataPlane;

  constructor() {
    const clock = { now: () => performance.now(), wall: () => Date.now() };
    const shared = localState();
    const event = (what: ProxyEvent) => void this.events.push(what);
    const { log } = createLogger({ level: "error", format: "json" });
    const watch = new HookPage(new ArrayBuffer(HOOK_PAGE_BYTES));
    this.plane = new DataPlane({
      clock,
      random: Math.random,
      telemetry: { exchangeEnded: () => undefined, attemptEnded: () => undefined, retried: () => undefined, event },
      plugins: createPluginHost({ log, shipped: () => Promise.reject(new Error("none")), watch }),
      shared,
      rates: createRateDeciders({ shared, clock, event }),
      memory: { used: () => this.used, limitBytes: LIMIT, reclaim: () => this.reclaimed++ },
    });
  }

  async serve(yaml: string): Promise<void> {
    await this.plane.prepare((await accepted(yaml)).spec);
    this.plane.commit();
  }
}

describe.each(EDGES)("when memory runs out, on edge %s", (edge) => {
  let origin: HoldingOrigin;
  let port: number;
  const plane = new Plane();
  const statusOf = async (target: string) => (await ask(port, { target })).status;

  beforeAll(async () => {
    origin = await HoldingOrigin.start();
    port = await freePort();
    await plane.serve(`
listeners: [{ name: web, host: 127.0.0.1, port: ${port}, edge: ${edge} }]
limits: { memory: { low: 0.8, all: 0.9 } }
upstreams: [{ name: api, url: "${origin.url}" }]
routes:
  - { path: /low, respond: { body: low }, importance: low }
  - { path: /own, respond: { body: own } }
  - { path: /*, upstream: api, importance: high }`);
  });

  afterAll(async () => {
    plane.plane.stop();
    await origin[Symbol.asyncDispose]();
  });

  test("the least important are refused, then all, then nobody: what runs goes on", async () => {
    expect([await statusOf("/low"), await statusOf("/own")]).toEqual([200, 200]);
    const running = await Sent.to(port, { target: "/held" });
    await origin.holds(1);

    plane.used = 850;
    await eventually("low is refused", async () => (await statusOf("/low")) === 503);
    expect([await statusOf("/own"), await statusOf("/free")]).toEqual([200, 200]);

    plane.used = 950;
    await eventually("all are refused", async () => (await statusOf("/free")) === 503);
    const refused = await ask(port, { target: "/own" });
    expect([refused.status, refused.json()["code"], refused.header("retry-after")]).toEqual([503, "overloaded", "1"]);
    expect(plane.reclaimed).toBeGreaterThan(0);
    origin.answerAll();
    expect((await running.answered()).status).toBe(200);

    plane.used = 700;
    await eventually("all is well", async () => (await statusOf("/low")) === 200);
    expect([await statusOf("/own"), await statusOf("/free")]).toEqual([200, 200]);
    expect(plane.events.find(({ type }) => type === "overloaded")).toEqual({
      type: "overloaded",
      where: "memory",
      reason: "too little is left",
    });
  });

  test("a connection is kept by its refusal, and serves again afterwards", async () => {
    await using client = await RawClient.connect(port);
    plane.used = 950;
    await eventually("all are refused", async () => (await statusOf("/free")) === 503);
    client.request({ target: "/free" });
    expect((await client.read()).status).toBe(503);
    plane.used = 0;
    await eventually("all is well", async () => (await statusOf("/free")) === 200);
    client.request({ target: "/free" });
    expect((await client.read()).status).toBe(200);
  });
});
