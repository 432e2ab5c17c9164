import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { loadConfig } from "../../src/control/config/load-config.ts";
import { accepted, plugins } from "./config-files.ts";
import { FLEXGATE_FULL, FLEXGATE_QUICKSTART, PROXYMITY } from "./foreign-configs.ts";

describe("configurations written for other proxies mean what their authors meant", () => {
  test("FlexGate's full example", async () => {
    const { spec, warnings } = await accepted(FLEXGATE_FULL);
    expect(spec.listeners.map(({ host, port }) => [host, port])).toEqual([["0.0.0.0", 3000]]);
    expect(spec.limits.maxBodyBytes).toBe(10 * 2 ** 20);
    expect(spec.allowedHosts).toEqual(["api.example.com", "*.internal.corp"]);
    expect(spec.blockedIPs).toEqual(["169.254.169.254", "10.0.0.0/8"]);
    expect(spec.upstreams.map(({ name, timeouts, retries }) => [name, timeouts.firstByteMs, retries.max])).toEqual([
      ["primary-api", 5000, 3],
      ["fallback-api", 10_000, 1],
    ]);
    expect(spec.upstreams[0]!.endpoints).toEqual([
      { scheme: "https", host: "api.primary.com", port: 443, basePath: "", weight: 1 },
    ]);
    expect(spec.routes.map(({ match, plugins, timeoutMs }) => [match.path, plugins.length, timeoutMs])).toEqual([
      ["/api/users/*", 1, null],
      ["/api/batch/*", 1, 120_000],
    ]);
    expect(spec.accessLog).toEqual({ mode: "sampled", successRate: 0.1, errorRate: 1 });
    expect(spec.rateLimits).toMatchObject({
      redis: { url: "redis://localhost:6379" },
      global: { name: "global", max: 1000, windowMs: 60_000, burst: 1000, by: [{ kind: "clientIp" }], mode: "enforce" },
    });
    expect(spec.routes.map(({ id, rateLimits }) => [id, rateLimits.map(({ name, max }) => [name, max])])).toEqual([
      ["api-users-all", [["api-users-all/1", 100]]],
      ["api-batch-all", [["api-batch-all/1", 10]]],
    ]);
    // Half of ten requests within ten seconds, as it is there, or fifty failures in a row.
    expect(spec.upstreams[0]!.breaker.upstream).toMatchObject({
      consecutiveFailures: 50,
      failureRatio: 0.5,
      minimumRequests: 10,
      windowMs: 10_000,
      openMs: 30_000,
    });
    expect(warnings.map(({ path }) => path)).toEqual([
      "upstreams.0",
      "upstreams.0.circuitBreaker.failureThreshold",
      "upstreams.1",
      "upstreams.1.name",
      "routes.0.auth",
      "routes.1.auth",
    ]);
  });

  test("FlexGate's quick start", async () => {
    const { spec } = await accepted(FLEXGATE_QUICKSTART);
    expect(spec.routes.map(({ id, plugins }) => [id, plugins.length])).toEqual([["api-all", 1]]);
    expect(spec.upstreams[0]!.timeouts.firstByteMs).toBe(5000);
  });

  test("proxy.timeout is for upstreams that set none", async () => {
    const { spec } = await accepted(
      "proxy: { timeout: 7s }\nupstreams: [{ name: a, url: http://h }, { name: b, url: http://i, timeout: 1s }]",
    );
    expect(spec.upstreams.map(({ timeouts }) => timeouts.firstByteMs)).toEqual([7000, 1000]);
  });

  test("Proxymity's backends are one upstream, round-robin, behind every path", async () => {
    const { spec, warnings } = await accepted(PROXYMITY);
    expect(warnings).toEqual([]);
    expect(spec.listeners[0]).toMatchObject({ host: "0.0.0.0", port: 8080 });
    expect(spec.upstreams).toHaveLength(1);
    expect(spec.upstreams[0]!.balance).toEqual({ policy: "round-robin" });
    expect(spec.upstreams[0]!.endpoints.map(({ port }) => port)).toEqual([8081, 8083]);
    expect(spec.routes).toHaveLength(1);
    expect(spec.routes[0]).toMatchObject({
      match: { path: "/*", hosts: [] },
      action: { kind: "forward", targets: [{ upstream: "backend" }] },
    });
  });

  // The originals live beside the repository where Sluice is developed.
  const folder = join(import.meta.dir, "../../../shared/fixtures");
  const files = ["flexgate-full.yml", "flexgate-minimal.yml", "flexgate-quickstart.yml", "proxymity.yaml"];
  test.skipIf(!existsSync(folder)).each(files)("the original %s loads unchanged", async (name) => {
    expect(await loadConfig(join(folder, name), { env: {}, plugins })).toMatchObject({ ok: true });
  });
});
