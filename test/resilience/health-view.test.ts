import { expect, test } from "bun:test";
import { HealthChecks } from "../../src/control/health/health-checks.ts";
import { createLogger } from "../../src/observability/logger.ts";
import { HookPage, HOOK_PAGE_BYTES } from "../../src/plugin-services/hook-page.ts";
import { createPluginHost } from "../../src/plugin-services/plugin-host.ts";
import { DataPlane } from "../../src/proxy/data-plane.ts";
import type { EndpointHealthView } from "../../src/proxy/upstream/health/health-registry.ts";
import { localState } from "../../src/proxy/shared-state.ts";
import { createRateDeciders } from "../../src/rate-limit-redis/create-deciders.ts";
import { accepted } from "../config/config-files.ts";
import { eventually } from "../kit/eventually.ts";
import { freePort } from "../kit/free-port.ts";
import { ask } from "../kit/raw-client.ts";
import { RawOrigin } from "../kit/raw-origin.ts";

const clock = { now: () => performance.now(), wall: () => Date.now() };
const event = () => undefined;

function createPlane(): DataPlane {
  const shared = localState();
  const { log } = createLogger({ level: "error", format: "json" });
  const watch = new HookPage(new ArrayBuffer(HOOK_PAGE_BYTES));
  return new DataPlane({
    clock,
    random: Math.random,
    telemetry: { exchangeEnded: () => undefined, attemptEnded: () => undefined, retried: () => undefined, event },
    plugins: createPluginHost({ log, shipped: () => Promise.reject(new Error("none")), watch }),
    shared,
    rates: createRateDeciders({ shared, clock, event }),
    memory: { used: () => 0, limitBytes: 1, reclaim: () => undefined },
  });
}

/** Who says what of an endpoint, without those who have nothing to say. */
function reasonsOf(views: readonly EndpointHealthView[], port: number): [string, ...string[]] {
  const view = views.find(({ endpoint }) => endpoint.endsWith(`:${port}`))!;
  return [view.standing, ...view.reasons.map(({ by, isGood, text }) => `${by} ${isGood ? "+" : "-"} ${text}`)];
}

test("the health view says of each endpoint whether it takes traffic, who says so, and why", async () => {
  const port = await freePort();
  await using failing = await RawOrigin.start((request) => request.reply({ status: 500 }));
  await using well = await RawOrigin.start();
  await using unchecked = await RawOrigin.start();
  const plane = createPlane();
  const checks = new HealthChecks({ clock, random: Math.random, onVerdict: (verdict) => plane.verdict(verdict) });
  const { spec } = await accepted(`
listeners: [{ host: 127.0.0.1, port: ${port} }]
upstreams:
  - name: api
    endpoints: [{ url: "${failing.url}" }, { url: "${well.url}" }]
    health: { active: { path: /health, unhealthyAfter: 1 }, passive: { consecutive5xx: 2 } }
    circuitBreaker: { failureThreshold: 2, scope: endpoint }
  - { name: other, url: "${unchecked.url}" }
routes: [{ path: /*, upstream: api }]
`);
  try {
    await plane.prepare(spec);
    plane.commit();
    expect(reasonsOf(plane.view().health, failing.port)).toEqual([
      "available",
      "active + unknown, no check has ended yet: counts as available",
      "passive + fine",
      "breaker + closed",
    ]);
    for (let i = 0; i < 4; i++) await ask(port);
    checks.follow(spec);
    const view = () => plane.view().health;
    await eventually("both verdicts", () => view().every(({ reasons }) => !reasons[0]!.text.startsWith("unknown")));
    expect(reasonsOf(view(), failing.port)).toEqual([
      "barred",
      "active - HTTP 500, expected 200-299, 300-399",
      expect.stringMatching(/^passive - ejected for 30 s: 2 consecutive failures \(5xx or no reply\) \(\d+ s left\)$/),
      expect.stringMatching(/^breaker - open for \d+ s more: 2 failures in a row$/),
    ]);
    expect(reasonsOf(view(), well.port)).toEqual([
      "available",
      "active + HTTP 200",
      "passive + fine",
      "breaker + closed",
    ]);
    expect(reasonsOf(view(), unchecked.port)).toEqual([
      "available",
      "active + not checked: counts as available",
      "passive + fine",
    ]);
  } finally {
    checks.stop();
    plane.stop();
  }
});
