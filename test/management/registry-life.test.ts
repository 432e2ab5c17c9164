import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { eventually } from "../kit/eventually.ts";
import { freePort } from "../kit/free-port.ts";
import { ask } from "../kit/raw-client.ts";
import { asked, call, Shops } from "./shops.ts";

let shops: Shops;

beforeAll(async () => {
  shops = await Shops.open();
});

afterAll(() => shops.close());

for (const workers of [1, 2]) {
  test(`workers: ${workers}: who promised a word and is silent goes, who never promised stays`, async () => {
    await using sluice = await shops.start({ checks: false }, { workers });
    await shops.register(sluice, "a", { ttl: "2s" });
    await shops.register(sluice, "b");
    const [beaten] = await Promise.all([
      call(sluice, "PUT", "/heartbeat?id=a"),
      eventually("its end", async () => (await call(sluice, "GET", "")).json()["total"] === 1),
    ]);
    expect(beaten.json()).toEqual({ status: "ok", id: "a", ttlMs: 2000 });
    await eventually("its traffic to go elsewhere", async () => (await asked(sluice, 4))["a"] === undefined);
    expect((await call(sluice, "PUT", "/heartbeat?id=a")).status).toBe(404);
    expect((await call(sluice, "PUT", "/heartbeat?id=b")).json()).toEqual({ status: "ok", id: "b", ttlMs: 30_000 });
    await shops.register(sluice, "a", { ttl: "1m" });
    // Workers take turns each for itself.
    expect(Object.keys(await asked(sluice, 20)).sort()).toEqual(["a", "b"]);
  });

  test(`workers: ${workers}: what is registered is there again after a restart, weights and versions too`, async () => {
    const store = { store: { url: `sqlite:${join(shops.folder, `kept-${workers}.db`)}` } };
    {
      await using sluice = await shops.start({ checks: false }, { workers, ...store });
      await shops.register(sluice, "a", { metadata: { weight: "2", version: "2.0" } });
      await shops.register(sluice, "b");
      await shops.register(sluice, "c");
      await call(sluice, "DELETE", "/deregister?id=c");
      sluice.signal("SIGTERM");
      expect(await sluice.process.exited()).toBe(0);
    }
    await using sluice = await shops.start({ checks: false }, { workers, ...store });
    const counts = await asked(sluice, 12);
    expect(Object.keys(counts).sort()).toEqual(["a", "b"]);
    if (workers === 1) expect(counts).toEqual({ a: 8, b: 4 });
    const { services } = (await call(sluice, "GET", "?service=shop")).json();
    expect(services).toMatchObject([
      { instances: [{ id: "a", weight: 2, metadata: { version: "2.0" } }, { id: "b" }] },
    ]);
  });

  test(`workers: ${workers}: of many that register at once, each is routed when its reply comes`, async () => {
    await using sluice = await shops.start({ checks: false }, { workers });
    const port = shops.portOf("a");
    const one = async (i: number) => {
      const body = { id: `i-${i}`, service: `s-${i}`, address: "127.0.0.1", port };
      expect((await call(sluice, "POST", "/register", body)).status).toBe(201);
      return (await ask(sluice.port, { target: `/s-${i}/y` })).text;
    };
    const texts = await Promise.all(Array.from({ length: 40 }, (_, i) => one(i)));
    expect(new Set(texts)).toEqual(new Set(["a /y"]));
  });
}

test("checks that cannot be are told at the start, and not by services that are left out", async () => {
  const checks = { interval: "1s", timeout: "2s" };
  await expect(shops.start({ checks })).rejects.toThrow("discovery.registry.checks.timeout");
});

test("what may not be registered: Sluice's own paths, another's id, metadata services in any spelling", async () => {
  await using sluice = await shops.start({ checks: false }, { admin: { port: await freePort() } });
  await shops.register(sluice, "a");
  const one = { id: "x", service: "x", address: "127.0.0.1", port: 1 };
  const metadata = ["169.254.169.254", "2852039166", "0xa9fea9fe", "[::ffff:169.254.169.254]", "fd00:ec2::254"];
  const cases: Array<[object, number[]]> = [
    [{ ...one, service: "api" }, [409]],
    [{ ...one, id: "a", service: "other" }, [409]],
    ...metadata.map((address): [object, number[]] => [{ ...one, address, port: 80 }, [400, 403]]),
  ];
  for (const [body, statuses] of cases) {
    const reply = await call(sluice, "POST", "/register", body);
    expect(statuses, JSON.stringify(body)).toContain(reply.status);
    expect(reply.header("content-type")).toBe("application/problem+json");
  }
  expect((await call(sluice, "GET", "")).json()).toMatchObject({ total: 1 });
});

test("a written route may lead to a registered service, whether or not it is there", async () => {
  const store = { store: { url: `sqlite:${join(shops.folder, "named.db")}` } };
  const routes = [
    { name: "own", path: "/buy/*", upstream: "shop@registry", stripPath: "/buy" },
    { name: "both", path: "/both", split: { by: "cookie", targets: [{ upstream: "shop@registry", weight: 1 }] } },
  ];
  await using sluice = await shops.start({ checks: false }, { routes, ...store });
  const buy = async (target = "/buy/x") => {
    const { status, text } = await ask(sluice.port, { target });
    return status === 200 ? text : status;
  };
  expect([await buy(), await buy("/both")]).toEqual([503, 503]);
  await shops.register(sluice, "a");
  expect([await buy(), await buy("/both"), await buy("/shop/y")]).toEqual(["a /x", "a /both", "a /y"]);
  await call(sluice, "DELETE", "/deregister?id=a");
  expect([await buy(), await buy("/both"), await buy("/shop/y")]).toEqual([503, 503, 404]);
  await shops.register(sluice, "b");
  expect(await buy()).toBe("b /x");
  expect(sluice.process.output).not.toContain("rejected");
});

test("a name of a provider that is off, or of none, is a mistake", async () => {
  for (const upstream of ["shop@docker", "shop@consul", "shop@"]) {
    const wrong = shops.start({}, { routes: [{ name: "own", path: "/buy/*", upstream }] });
    await expect(wrong).rejects.toThrow("routes.0.upstream");
  }
});
