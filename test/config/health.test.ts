import { describe, expect, test } from "bun:test";
import { accepted, errorsOf, warningsOf } from "./config-files.ts";

const upstream = (fields: string, url = "http://h") => `upstreams: [{ name: a, url: "${url}", ${fields} }]`;
const health = async (fields: string) => (await accepted(upstream(`health: { ${fields} }`))).spec.upstreams[0]!.health;
const breaker = async (fields: string) =>
  (await accepted(upstream(`circuitBreaker: { ${fields} }`))).spec.upstreams[0]!.breaker;

describe("health", () => {
  test("traffic teaches by default, nothing is asked, and too few are never left alone", async () => {
    expect((await accepted(upstream("weight: 1").replace(", weight: 1", ""))).spec.upstreams[0]!.health).toEqual({
      active: null,
      passive: {
        consecutive5xx: 5,
        consecutiveGatewayErrors: 5,
        failureRatio: null,
        minimumRequests: 50,
        intervalMs: 10_000,
        slow: { factor: 5, atLeastMs: 25, minimumRequests: 20 },
        ejectMs: 30_000,
        maxEjectMs: 300_000,
        maxEjected: 0.5,
      },
      slowStart: null,
      panicBelow: 0.25,
    });
  });

  test("an active check has defaults for all of its fields", async () => {
    expect((await health("active: {}")).active).toEqual({
      kind: "http",
      path: "/",
      method: "GET",
      host: null,
      headers: [],
      port: null,
      intervalMs: 10_000,
      timeoutMs: 2000,
      expect: [
        [200, 299],
        [300, 399],
      ],
      body: null,
      healthyAfter: 2,
      unhealthyAfter: 3,
    });
  });

  test("an active check is asked as it is written", async () => {
    const { active } = await health(
      "active: { path: '/up?deep=1', method: head, host: 'h.internal:81', port: 9000, headers: { X-A: 1 }, expect: [204, 2xx, 400-404], interval: 500, healthyAfter: 1 }",
    );
    expect(active).toMatchObject({
      path: "/up?deep=1",
      method: "HEAD",
      host: "h.internal:81",
      port: 9000,
      headers: [["X-A", "1"]],
      expect: [
        [204, 204],
        [200, 299],
        [400, 404],
      ],
      intervalMs: 500,
      timeoutMs: 500,
      healthyAfter: 1,
    });
  });

  test("one status alone, and what a body must have", async () => {
    expect((await health("active: { expect: 200, body: { contains: UP } }")).active).toMatchObject({
      expect: [[200, 200]],
      body: { contains: "UP" },
    });
    expect((await health("active: { body: { regex: '^ok$' } }")).active).toMatchObject({ body: { regex: "^ok$" } });
  });

  test("a tcp check has no question", async () => {
    expect((await health("active: { type: tcp, interval: 1s, port: 5 }")).active).toEqual({
      kind: "tcp",
      port: 5,
      intervalMs: 1000,
      timeoutMs: 1000,
      healthyAfter: 2,
      unhealthyAfter: 3,
    });
  });

  test.each(["passive: false", "passive: { ejectFor: 0 }"])("%s learns nothing", async (fields) =>
    expect((await health(fields)).passive).toBeNull(),
  );

  test("consecutiveFailures stands for both; false switches one off", async () => {
    expect((await health("passive: { consecutiveFailures: 3 }")).passive).toMatchObject({
      consecutive5xx: 3,
      consecutiveGatewayErrors: 3,
    });
    expect((await health("passive: { consecutive5xx: false, failureRatio: 0.2 }")).passive).toMatchObject({
      consecutive5xx: null,
      consecutiveGatewayErrors: 5,
      failureRatio: 0.2,
    });
  });

  test.each([
    ["true", { factor: 5, atLeastMs: 25, minimumRequests: 20 }],
    ["{ factor: 3 }", { factor: 3, atLeastMs: 25, minimumRequests: 20 }],
    ["false", null],
  ])("slow: %s", async (text, slow) =>
    expect((await health(`passive: { slow: ${text} }`)).passive!.slow).toEqual(slow),
  );

  test.each([
    ["balance: { hash: { by: path } }", null],
    ["balance: failover", null],
    ["balance: least-connections", { factor: 5, atLeastMs: 25, minimumRequests: 20 }],
  ])("%s: endpoints are compared unless they are asked for different things", async (balance, slow) =>
    expect((await accepted(upstream(balance))).spec.upstreams[0]!.health.passive!.slow).toEqual(slow),
  );

  test("an ejection longer than the longest raises that, when it was not written", async () =>
    expect((await health("passive: { ejectFor: 10m }")).passive!.maxEjectMs).toBe(600_000));

  test("slow start is a duration or a map", async () => {
    expect((await health("slowStart: 1m")).slowStart).toEqual({ windowMs: 60_000, from: 0.1, aggression: 1 });
    expect((await health("slowStart: { from: 0.5 }")).slowStart).toEqual({
      windowMs: 30_000,
      from: 0.5,
      aggression: 1,
    });
  });

  test.each([
    ["false", null],
    ["0", null],
    ["0.5", 0.5],
  ])("panicBelow: %s", async (text, share) => expect((await health(`panicBelow: ${text}`)).panicBelow).toBe(share));
});

describe("circuit breakers", () => {
  test("there are none unless they are asked for", async () => {
    const none = { upstream: null, endpoint: null };
    expect((await accepted(`upstreams: [{ name: a, url: http://h }]`)).spec.upstreams[0]!.breaker).toEqual(none);
    expect(await breaker("enabled: false, failureThreshold: 3")).toEqual(none);
  });

  test("the upstream and each endpoint have the same settings", async () => {
    const settings = {
      consecutiveFailures: 5,
      failures: null,
      failureRatio: null,
      minimumRequests: 10,
      windowMs: 10_000,
      openMs: 30_000,
      halfOpenRequests: 3,
      successThreshold: 2,
      slowMs: null,
      probeMs: 34_000,
    };
    expect(await breaker("")).toEqual({ upstream: settings, endpoint: settings });
  });

  test("scope leaves one of them out", async () => {
    expect((await breaker("scope: upstream")).endpoint).toBeNull();
    expect((await breaker("scope: endpoint")).upstream).toBeNull();
  });

  test("a probe is given time for the slowest reply that may come", async () => {
    expect((await breaker("timeout: 2m")).upstream).toMatchObject({ slowMs: 120_000, probeMs: 121_000 });
    const { spec } = await accepted(
      upstream("timeouts: { connect: 1s, firstByte: 500 }, circuitBreaker: { timeout: 1 }"),
    );
    expect(spec.upstreams[0]!.breaker.endpoint!.probeMs).toBe(2500);
  });

  test.each([
    ["5", { consecutiveFailures: 5, failureRatio: null }],
    ["19", { consecutiveFailures: 19, failureRatio: null }],
    ["20", { consecutiveFailures: 20, failureRatio: 0.2 }],
    ["100", { consecutiveFailures: 100, failureRatio: 1 }],
    ["101", { consecutiveFailures: 101, failureRatio: null }],
    ["50, failureRatio: 0.9", { consecutiveFailures: 50, failureRatio: 0.9 }],
    ["false, failures: 7", { consecutiveFailures: null, failures: 7 }],
  ])("failureThreshold: %s", async (text, settings) =>
    expect((await breaker(`failureThreshold: ${text}`)).upstream).toMatchObject(settings),
  );

  test("a threshold that is read as FlexGate's percentage, too, is told", async () => {
    const warned = await warningsOf(`${upstream("circuitBreaker: { failureThreshold: 50 }")}
routes: [{ upstream: a }]`);
    expect(warned).toEqual([
      "upstreams.0.circuitBreaker.failureThreshold read as FlexGate's 50 % as well as 50 failures in a row: whichever comes first opens it",
    ]);
  });
});

describe("each mistake has its message", () => {
  const active = (fields: string) => upstream(`health: { active: { ${fields} } }`);
  const passive = (fields: string) => upstream(`health: { passive: { ${fields} } }`);
  test.each([
    ["a path without slash", active("path: '@evil/'"), 'starts with "/"'],
    ["a fragment", active("path: '/a#b'"), "no fragment"],
    ["a line break in a path", active('path: "/a\\r\\nX: y"'), "without spaces"],
    ["a method that is none", active("method: 'G T'"), "is no method"],
    ["CONNECT", active("method: connect"), "is no method"],
    ["a host that is none", active("host: 'a b'"), "expected a host"],
    ["Host among the headers", active("headers: { host: b }"), "use host:"],
    ["a framing header", active("headers: { content-length: 1 }"), "frames the message"],
    ["a status that is none", active("expect: [200, 6xx]"), "expected a status such as 200, 2xx or 200-299"],
    ["a range backwards", active("expect: 299-200"), "expected a status"],
    ["nothing expected", active("expect: []"), "no answer would do"],
    ["a body of a HEAD", active("method: HEAD, body: { contains: x }"), "a reply to HEAD has no body"],
    ["two bodies", active("body: { contains: x, regex: y }"), "either contains or regex"],
    ["an empty body test", active("body: {}"), "either contains or regex"],
    ["a body that contains nothing", active("body: { contains: '' }"), "every body contains nothing"],
    ["a bad regex", active("body: { regex: '(' }"), "not a regular expression"],
    ["a timeout above the interval", active("interval: 1s, timeout: 2s"), "at most 1000ms"],
    ["a path of a tcp check", active("type: tcp, path: /"), "means nothing to a tcp check"],
    [
      "a tcp check of http3",
      upstream("protocol: http3, health: { active: { type: tcp } }", "https://h"),
      "http3 endpoints listen on UDP",
    ],
    ["both spellings", passive("consecutiveFailures: 3, consecutive5xx: 2"), "says this already"],
    ["a longest that is shorter", passive("ejectFor: 1m, maxEjectFor: 30s"), "is shorter than ejectFor"],
    ["a ratio of 0", passive("failureRatio: 0"), "expected a number above 0, up to 1"],
    ["a share above 1", passive("maxEjected: 50"), "from 0 to 1"],
    ["passive as a word", upstream("health: { passive: always }"), "expected true or false"],
    ["a slow start from 0", upstream("health: { slowStart: { from: 0 } }"), "above 0"],
    ["a panic share in percent", upstream("health: { panicBelow: 25 }"), "from 0 to 1, or false"],
    ["a breaker that nothing opens", upstream("circuitBreaker: { failureThreshold: false }"), "nothing opens"],
    ["a breaker open for days", upstream("circuitBreaker: { openDuration: 48h }"), "more than a day"],
    ["a ratio in percent", upstream("circuitBreaker: { failureRatio: 50 }"), "above 0, up to 1"],
    ["a misspelt scope", upstream("circuitBreaker: { scope: endpiont }"), 'did you mean "endpoint"?'],
  ])("%s", async (_, yaml, message) => {
    const errors = await errorsOf(yaml);
    expect(errors).toHaveLength(1);
    expect(errors[0]).toContain(message);
    expect(errors[0]).toMatch(/^\d+:\d+ {2}upstreams\.0\./);
  });
});
