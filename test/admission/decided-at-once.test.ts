import { describe, expect, test } from "bun:test";
import { Exchange } from "../../src/model/exchange.ts";
import { HeaderMap } from "../../src/model/header-map.ts";
import type { Reply, Responder } from "../../src/model/reply.ts";
import { Gateway } from "../../src/proxy/gateway.ts";
import type { PluginHost } from "../../src/proxy/pipeline/plugin-host.ts";
import { PluginPlane } from "../../src/proxy/plugin-plane.ts";
import { Ticker } from "../../src/proxy/ticker.ts";
import { testSnapshot } from "../../src/testing/test-snapshot.ts";
import { accepted } from "../config/config-files.ts";

const LIMITS = `
limits: { maxInFlight: 6 }
upstreams:
  - { name: two, url: http://127.0.0.1:1, limits: { maxInFlight: 2 } }
  - { name: queued, url: http://127.0.0.1:1, limits: { maxInFlight: 1, queue: { max: 1, wait: 1s } } }
  - { name: plain, url: http://127.0.0.1:1 }
routes:
  - { path: /upstream, upstream: two }
  - { path: /queue, upstream: queued }
  - { path: /route, upstream: plain, maxInFlight: 3 }
  - { path: /*, upstream: plain }
`;

/** The gateway with an upstream that never answers, on a clock that stands still. */
async function gatewayOf(yaml: string) {
  let now = 1;
  const clock = { now: () => now, wall: () => now };
  const ticker = new Ticker(clock, 0);
  const { spec } = await accepted(yaml);
  const host = { watch: { cell: new Int32Array(1), label: () => 0 } } as unknown as PluginHost;
  const event = () => undefined;
  const plane = new PluginPlane({ host, clock, event, fetch });
  let sent = 0;
  const transport = { send: () => (sent++, { cancel: () => undefined }) };
  const plugins = await plane.setUp(spec);
  const snapshot = testSnapshot(spec, { plugins, transport: transport as never, clock, ticker, host, event });
  const gateway = new Gateway(snapshot, {
    clock,
    telemetry: { exchangeEnded: () => undefined, attemptEnded: () => undefined, retried: () => undefined, event },
  });
  return {
    /** Hands over one request, as a listener does. @returns the reply that there is when the call returns */
    handle: (target: string): Reply | null => {
      const exchange = exchangeTo(target, gateway);
      let reply: Reply | null = null;
      const on: Responder = {
        informational: () => undefined,
        tunnel: () => undefined,
        failed: () => undefined,
        reply: (given) => {
          reply = given;
          gateway.ended(exchange);
        },
      };
      gateway.handle(exchange, on);
      return reply;
    },
    advance: (ms: number) => {
      now += ms;
      ticker.tick();
    },
    get sent() {
      return sent;
    },
  };
}

function exchangeTo(target: string, gateway: Gateway): Exchange {
  return new Exchange({
    received: { method: "GET", target, authority: "a", version: "1.1", headers: new HeaderMap(["Host"], ["a"]) },
    scheme: "http",
    host: "a",
    peer: { address: "127.0.0.1", port: 1, trusted: false },
    listener: "test",
    requestBody: null,
    upgrade: null,
    startedAt: 0,
    origins: gateway,
  });
}

describe("a refusal is there when the call that asked returns", () => {
  test.each([
    ["an upstream", "/upstream", 2],
    ["a route", "/route", 3],
    ["the process", "/", 6],
  ])("of %s", async (_, target, limit) => {
    const gateway = await gatewayOf(LIMITS);
    for (let i = 0; i < limit; i++) expect(gateway.handle(target)).toBeNull();
    expect(gateway.sent).toBe(limit);
    const reply = gateway.handle(target);
    expect(reply?.status).toBe(503);
    expect(reply?.headers.get("retry-after")).toBe("1");
    expect(gateway.sent).toBe(limit);
  });

  test("of a queue that is full", async () => {
    const gateway = await gatewayOf(LIMITS);
    expect([gateway.handle("/queue"), gateway.handle("/queue")]).toEqual([null, null]);
    expect(gateway.handle("/queue")?.status).toBe(503);
    expect(gateway.sent).toBe(1);
  });

  test("again and again, and nothing is kept of those who were refused", async () => {
    const gateway = await gatewayOf(LIMITS);
    for (let i = 0; i < 2; i++) gateway.handle("/upstream");
    const refuse = (times: number) => {
      for (let i = 0; i < times; i++) if (gateway.handle("/upstream")?.status !== 503) throw new Error("not refused");
      Bun.gc(true);
      return process.memoryUsage().heapUsed;
    };
    const before = refuse(10_000);
    // An exchange takes some hundred.
    expect((refuse(60_000) - before) / 60_000).toBeLessThan(20);
  }, 30_000);
});
