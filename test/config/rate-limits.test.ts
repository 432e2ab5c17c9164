import { describe, expect, test } from "bun:test";
import { maskSecrets } from "../../src/control/config/mask.ts";
import { accepted, errorsOf, warningsOf, withUpstream } from "./config-files.ts";

const route = (fields: string) => withUpstream(`routes: [{ name: r, upstream: a, ${fields} }]`);
const limitsOf = async (limits: string) => (await accepted(route(`rateLimit: ${limits}`))).spec.routes[0]!.rateLimits;

describe("rate limits", () => {
  test("none, counted here, unless something is written", async () => {
    const { spec } = await accepted(withUpstream("routes: [{ upstream: a }]"));
    expect(spec.rateLimits).toEqual({ redis: null, maxKeys: 131_072, global: null });
    expect(spec.routes[0]!.rateLimits).toEqual([]);
  });

  test("a limit counts client addresses, may be used up at once, and is named after its route", async () => {
    expect(await limitsOf("{ max: 100, window: 60s }")).toEqual([
      {
        name: "r/1",
        max: 100,
        windowMs: 60_000,
        burst: 100,
        by: [{ kind: "clientIp" }],
        mode: "enforce",
        message: null,
      },
    ]);
  });

  test("a list of limits, each with all of its fields", async () => {
    expect(
      await limitsOf(
        "[{ by: [route, 'header:X-Tenant'], max: 5, window: 1s, burst: 9, mode: shadow, message: slow down }, { by: clientIp, max: 1, window: 1s }]",
      ),
    ).toMatchObject([
      {
        name: "r/1",
        by: [{ kind: "route" }, { kind: "header", name: "x-tenant" }],
        burst: 9,
        mode: "shadow",
        message: "slow down",
      },
      { name: "r/2", by: [{ kind: "clientIp" }] },
    ]);
  });

  test("FlexGate's spellings", async () => {
    expect(await limitsOf("{ requests: 50, window: 60s }")).toMatchObject([{ max: 50, windowMs: 60_000 }]);
    expect(await limitsOf("{ max: 50, windowMs: 1000, message: no }")).toMatchObject([
      { windowMs: 1000, message: "no" },
    ]);
  });

  test("a name stays with its route, whatever stands around it", async () => {
    const { spec } = await accepted(
      withUpstream(`routes:
  - { path: /new, upstream: a, rateLimit: { max: 1, window: 1s } }
  - { name: global, path: /g, upstream: a, rateLimit: { max: 1, window: 1s } }
rateLimit: { global: { max: 1, window: 1s } }`),
    );
    const names = [spec.rateLimits.global!.name, ...spec.routes.map(({ rateLimits }) => rateLimits[0]!.name)];
    expect(names).toEqual(["global", "new/1", "global/1"]);
  });

  test("the global limit has a mode, a burst and a message of its own", async () => {
    const { spec } = await accepted(
      "rateLimit: { global: { max: 9, window: 1s, burst: 2, mode: shadow, message: x } }",
    );
    expect(spec.rateLimits.global).toMatchObject({ max: 9, burst: 2, mode: "shadow", message: "x" });
  });

  test("redis is rateLimit's own, else the one of the top, and only where it is asked for", async () => {
    const urlOf = async (yaml: string) => (await accepted(yaml)).spec.rateLimits.redis?.url;
    expect(await urlOf("redis: { url: 'redis://top' }\nrateLimit: { backend: redis }")).toBe("redis://top");
    expect(
      await urlOf("redis: { url: 'redis://top' }\nrateLimit: { backend: redis, redis: { url: 'rediss://own:1/2' } }"),
    ).toBe("rediss://own:1/2");
    expect(await urlOf("redis: { url: 'redis://top' }\nrateLimit: { global: { max: 1, window: 1 } }")).toBeUndefined();
  });

  test("how long Redis may take, also of the one at the top, and how many keys are remembered", async () => {
    const limitsOf = async (more: string) =>
      (await accepted(`redis: { url: 'redis://top' }\nrateLimit: { backend: redis${more} }`)).spec.rateLimits;
    expect(await limitsOf("")).toMatchObject({ redis: { url: "redis://top", timeoutMs: 250 }, maxKeys: 131_072 });
    expect(await limitsOf(", maxKeys: 2000000, redis: { timeout: 1s }")).toMatchObject({
      redis: { url: "redis://top", timeoutMs: 1000 },
      maxKeys: 2_000_000,
    });
  });

  test("a password does not show", async () => {
    const { config } = await accepted("rateLimit: { backend: redis, redis: { url: 'redis://:hunter2@h' } }");
    expect(JSON.stringify(maskSecrets(config))).not.toContain("hunter2");
    const errors = await errorsOf("rateLimit: { backend: redis, redis: { url: 'http://:hunter2@h' } }");
    expect(errors).toHaveLength(1);
    expect(errors[0]).not.toContain("hunter2");
  });

  test.each([
    ["identity", "", true],
    ["'claim:sub'", "", true],
    ["identity", "plugins: [{ use: jwt, with: { secret: 0123456789abcdef0123456789abcdef } }],", false],
    ["clientIp", "", false],
  ])("by %s, %j: warned is %p", async (by, plugins, isWarned) => {
    const warned = await warningsOf(route(`${plugins} rateLimit: { by: ${by}, max: 1, window: 1s }`));
    expect(warned).toEqual(isWarned ? ["routes.0.rateLimit.by nothing on this route says who asks"] : []);
  });
});

describe("each mistake has its message", () => {
  const limit = (fields: string) => route(`rateLimit: { ${fields} }`);
  test.each([
    ["no max", limit("window: 1s"), '"max" is missing (a limit needs max and window)'],
    ["no window", limit("max: 1"), '"window" is missing'],
    ["nothing through", limit("max: 0, window: 1s"), "lets nothing through at all"],
    ["nothing through, as FlexGate spells it", limit("requests: 0, window: 1s"), "rateLimit.requests  lets nothing"],
    ["both spellings", limit("max: 1, requests: 2, window: 1s"), "is another spelling of max (give either)"],
    ["a burst of none", limit("max: 1, window: 1s, burst: 0"), "from 1 to"],
    ["a burst for ever", limit("max: 1, window: 1h, burst: 1000"), "longer than 30 days"],
    ["a misspelt key", limit("by: cleintIp, max: 1, window: 1s"), "expected clientIp, route, identity, header:NAME"],
    ["a header that is none", limit("by: 'header:a b', max: 1, window: 1s"), "is not a header name"],
    ["a claim without name", limit("by: 'claim:', max: 1, window: 1s"), "claim:NAME"],
    ["no keys", limit("by: [], max: 1, window: 1s"), "clientIp is the default"],
    ["the second of a list", route("rateLimit: [{ max: 1, window: 1s }, { max: 1 }]"), "routes.0.rateLimit.1"],
    ["a misspelt mode", limit("max: 1, window: 1s, mode: shadwo"), 'did you mean "shadow"?'],
    ["a global limit by something", "rateLimit: { global: { by: route, max: 1, window: 1s } }", 'unknown key "by"'],
    ["too few keys", "rateLimit: { maxKeys: 100 }", "from 1024 to 16777216"],
    ["redis without an address", "rateLimit: { backend: redis }", "redis needs an address"],
    ["redis elsewhere", "redis: { url: 'localhost:6379' }\nrateLimit: { backend: redis }", "is not a Redis address"],
  ])("%s", async (_, yaml, message) => {
    const errors = await errorsOf(yaml);
    expect(errors).toHaveLength(1);
    expect(errors[0]).toContain(message);
    expect(errors[0]).toMatch(/^\d+:\d+ {2}/);
  });
});
