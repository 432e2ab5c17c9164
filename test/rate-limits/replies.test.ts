import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { ask } from "../kit/raw-client.ts";
import { RawOrigin } from "../kit/raw-origin.ts";
import { type Config, Sluice } from "../kit/sluice.ts";
import { eventuallyLogged, LONG } from "./clients.ts";

setDefaultTimeout(60_000);

const tenant = (name: string) => ({ fields: [["X-Tenant", name]] as const });

describe.each(["wire", "serve"] as const)("edge %s", (edge) => {
  let origin: RawOrigin;
  let sluice: Sluice;

  const configuration = (port: number): Config => {
    const limit = { max: 2, window: LONG };
    const route = (name: string, rateLimit: unknown) => ({ name, path: `/${name}`, upstream: "origin", rateLimit });
    return {
      listeners: [{ name: "web", host: "127.0.0.1", port, edge }],
      upstreams: [{ name: "origin", url: `http://127.0.0.1:${origin.port}` }],
      logging: { level: "debug" },
      routes: [
        { name: "free", path: "/free", upstream: "origin" },
        route("strict", { ...limit, message: "slow down" }),
        route("head", limit),
        route("minute", { max: 60, window: "1m", burst: 1 }),
        route("tenant", { ...limit, by: "header:X-Tenant" }),
        route("two", [
          { max: 5, window: LONG },
          { max: 3, window: LONG, by: "route" },
        ]),
        route("shadow", { ...limit, mode: "shadow" }),
        { name: "here", path: "/here", respond: { status: 200, body: "hello" }, rateLimit: { max: 1, window: LONG } },
      ],
    };
  };

  beforeAll(async () => {
    origin = await RawOrigin.start();
    sluice = await Sluice.start(configuration);
  });
  afterAll(async () => {
    await sluice.stop();
    await origin.stop();
  });

  const get = (target: string, parts: Parameters<typeof ask>[1] = {}) => ask(sluice.port, { target, ...parts });

  test("a reply says what is left, and the refusal what was too much and how long to wait", async () => {
    const before = origin.requests.length;
    const replies = [await get("/strict"), await get("/strict"), await get("/strict")];
    expect(replies.map(({ status }) => status)).toEqual([200, 200, 429]);
    for (const reply of replies) expect(reply.header("ratelimit-policy")).toBe('"strict/1";q=2;w=864000');
    const left = replies.map((reply) => /^"strict\/1";r=(\d);t=\d+$/.exec(reply.header("ratelimit")!)?.[1]);
    expect(left).toEqual(["1", "0", "0"]);
    expect(replies.map((reply) => reply.header("retry-after") !== null)).toEqual([false, false, true]);
    const refusal = replies[2]!;
    // One of two in ten days is back after five.
    expect(Number(refusal.header("retry-after"))).toBeWithin(431_900, 432_001);
    expect(refusal.header("content-type")).toBe("application/problem+json");
    expect(refusal.json()).toMatchObject({ status: 429, code: "rate_limited", detail: "slow down" });
    expect(origin.requests.length - before).toBe(2);
  });

  test("a reply without limits says nothing of them", async () => {
    const { fields } = await get("/free");
    expect(fields.filter(([name]) => /^(ratelimit|retry)/i.test(name))).toEqual([]);
  });

  test("HEAD counts and is answered like GET, without a body", async () => {
    const ask = async (method: string) => (await get("/head", { method })).status;
    expect([await ask("HEAD"), await ask("GET"), await ask("HEAD")]).toEqual([200, 200, 429]);
  });

  test("one passes again when Retry-After says so", async () => {
    expect((await get("/minute")).status).toBe(200);
    const refusal = await get("/minute");
    expect([refusal.status, refusal.header("retry-after")]).toEqual([429, "1"]);
    await Bun.sleep(1000);
    expect((await get("/minute")).status).toBe(200);
  });

  test("each value of a header has a count of its own, and who sends none has the client's", async () => {
    const statuses: number[] = [];
    for (const parts of [tenant("a"), tenant("a"), tenant("a"), tenant("b"), {}, {}, {}])
      statuses.push((await get("/tenant", parts)).status);
    expect(statuses).toEqual([200, 200, 429, 200, 200, 200, 429]);
  });

  test("of two limits the tighter one is shown and refuses", async () => {
    const policies: Array<string | null> = [];
    for (let i = 0; i < 4; i++) policies.push((await get("/two")).header("ratelimit-policy"));
    expect(new Set(policies)).toEqual(new Set(['"two/2";q=3;w=864000']));
    expect((await get("/two")).status).toBe(429);
  });

  test("a shadow limit refuses and shows nothing, and its excess is told", async () => {
    for (let i = 0; i < 4; i++) {
      const reply = await get("/shadow");
      expect([reply.status, reply.header("ratelimit"), reply.header("retry-after")]).toEqual([200, null, null]);
    }
    const shadows = await eventuallyLogged(sluice, "rate_limit.exceeded", 2, "shadow/1");
    expect(shadows.map(({ mode, by, route }) => [mode, by, route])).toEqual([
      ["shadow", "clientIp", "shadow"],
      ["shadow", "clientIp", "shadow"],
    ]);
  });

  test("what Sluice answers by itself is limited, too", async () => {
    expect((await get("/here")).status).toBe(200);
    const refusal = await get("/here");
    expect([refusal.status, refusal.header("ratelimit")?.slice(0, 14)]).toEqual([429, '"here/1";r=0;t']);
  });
});

describe("the global limit", () => {
  test("counts a client over all routes, also those that do not exist, and stands before them", async () => {
    await using sluice = await Sluice.start({
      rateLimit: { global: { max: 3, window: LONG, message: "enough" } },
      routes: [{ name: "here", path: "/here", respond: { status: 200, body: "hello" } }],
    });
    const replies = [];
    for (const target of ["/here", "/nowhere", "/here", "/here", "/nowhere"])
      replies.push(await ask(sluice.port, { target }));
    expect(replies.map(({ status }) => status)).toEqual([200, 404, 200, 429, 429]);
    expect(replies.map((reply) => /r=(\d)/.exec(reply.header("ratelimit")!)![1])).toEqual(["2", "1", "0", "0", "0"]);
    expect(replies[3]!.header("ratelimit-policy")).toBe('"global";q=3;w=864000');
    expect(replies[3]!.json().detail).toBe("enough");
  });

  test("sees the client behind a trusted proxy, and believes nobody else", async () => {
    const config = (trustedProxies: string[]): Config => ({
      trustedProxies,
      rateLimit: { global: { max: 1, window: LONG } },
      routes: [{ name: "here", path: "/*", respond: { status: 200, body: "hello" } }],
    });
    const statuses = async (sluice: Sluice) => {
      const seen: number[] = [];
      for (const client of ["192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2"])
        seen.push((await ask(sluice.port, { fields: [["X-Forwarded-For", client]] })).status);
      return seen;
    };
    await using trusting = await Sluice.start(config(["127.0.0.1"]));
    await using wary = await Sluice.start(config([]));
    expect(await statuses(trusting)).toEqual([200, 200, 200, 429]);
    expect(await statuses(wary)).toEqual([200, 429, 429, 429]);
  });
});

describe("a refusal's record", () => {
  test("says which limit, by what, for which request, and no key", async () => {
    await using sluice = await Sluice.start({
      logging: { level: "debug" },
      routes: [
        {
          name: "keyed",
          path: "/*",
          respond: { status: 200, body: "hello" },
          rateLimit: { max: 1, window: LONG, by: ["header:X-Api-Key", "route"] },
        },
      ],
    });
    const parts = { fields: [["X-Api-Key", "s3cr3t"]] as const };
    await ask(sluice.port, parts);
    const refusal = await ask(sluice.port, parts);
    const [line] = await eventuallyLogged(sluice, "rate_limit.exceeded", 1);
    expect(line).toMatchObject({
      limit: "keyed/1",
      by: "header:x-api-key+route",
      route: "keyed",
      mode: "enforce",
      requestId: refusal.header("x-request-id"),
    });
    expect(sluice.process.output).not.toContain("s3cr3t");
  });
});
