import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { eventually, Gate } from "../kit/eventually.ts";
import { ask, type RequestParts } from "../kit/raw-client.ts";
import { asked, call, Shops } from "./shops.ts";

let shops: Shops;

beforeAll(async () => {
  shops = await Shops.open();
});

afterAll(() => shops.close());

describe("instances of a service", () => {
  test("take turns", async () => {
    await using sluice = await shops.start({ checks: false });
    await shops.register(sluice, "a");
    expect(await asked(sluice, 2)).toEqual({ a: 2 });
    await shops.register(sluice, "b");
    expect(await asked(sluice, 8)).toEqual({ a: 4, b: 4 });
    await shops.register(sluice, "c");
    expect(await asked(sluice, 9)).toEqual({ a: 3, b: 3, c: 3 });
  });

  test("share by weight, and a new weight holds when the reply comes", async () => {
    await using sluice = await shops.start({ checks: false });
    await shops.register(sluice, "a", { metadata: { weight: "3" } });
    await shops.register(sluice, "b", { metadata: { weight: 1 } });
    expect(await asked(sluice, 8)).toEqual({ a: 6, b: 2 });
    expect(await shops.register(sluice, "a", { metadata: { weight: "0" } })).toMatchObject({ status: "updated" });
    expect(await asked(sluice, 4)).toEqual({ b: 4 });
    expect(await shops.register(sluice, "a", { metadata: { weight: "0" } })).toMatchObject({ status: "unchanged" });
    await shops.register(sluice, "a", { metadata: { weight: "1" } });
    expect(await asked(sluice, 8)).toEqual({ a: 4, b: 4 });
  });

  test("with least-connections the one that is busy is left alone", async () => {
    const gate = new Gate();
    const slow = await shops.add("slow", async (request) => {
      await gate.opened;
      request.reply({ body: "slow" });
    });
    await using sluice = await shops.start({ balance: "least-connections", checks: false });
    await shops.register(sluice, "slow");
    const held = ask(sluice.port, { target: "/shop/held" });
    await slow.request();
    await shops.register(sluice, "a");
    expect(await asked(sluice, 6)).toEqual({ a: 6 });
    gate.open();
    expect((await held).text).toBe("slow");
  });

  test("are chosen by version where a request names one, and else all of them are", async () => {
    await using sluice = await shops.start({ splitByVersion: "header:X-Version", checks: false });
    await shops.register(sluice, "a", { metadata: { version: "1.0" } });
    await shops.register(sluice, "b", { metadata: { version: "2.0" } });
    const version = (text: string): RequestParts => ({ fields: [["X-Version", text]] });
    expect(await asked(sluice, 4, version("1.0"))).toEqual({ a: 4 });
    expect(await asked(sluice, 4, version("2.0"))).toEqual({ b: 4 });
    expect(await asked(sluice, 4, version("3.0"))).toEqual({ a: 2, b: 2 });
    expect(await asked(sluice, 4)).toEqual({ a: 2, b: 2 });
    await shops.register(sluice, "b", { metadata: { version: "3.0" } });
    expect(await asked(sluice, 4, version("3.0"))).toEqual({ b: 4 });
    await call(sluice, "DELETE", "/deregister?id=b");
    expect(await asked(sluice, 4, version("3.0"))).toEqual({ a: 4 });
  });

  test("a version in the query, and the prefix kept", async () => {
    await using sluice = await shops.start({ splitByVersion: "query:v", keepPrefix: true, checks: false });
    await shops.register(sluice, "a", { metadata: { version: "1.0" } });
    await shops.register(sluice, "b", { metadata: { version: "2.0" } });
    for (let i = 0; i < 3; i++)
      expect((await ask(sluice.port, { target: "/shop/x?v=2.0" })).text).toBe("b /shop/x?v=2.0");
  });
});

test("one of two instances dies: it is found out, and no idempotent request fails after that", async () => {
  await using sluice = await shops.start({ checks: { interval: "200ms" } });
  const dying = await shops.add("dying");
  await shops.register(sluice, "a");
  await shops.register(sluice, "dying");
  expect(Object.keys(await asked(sluice, 4)).sort()).toEqual(["a", "dying"]);
  await dying.stop();
  // Nobody is connected: what could not be sent is sent elsewhere, before anybody has found out.
  expect(await asked(sluice, 4)).toEqual({ a: 4 });
  const stateOf = async (id: string) => {
    const { services } = (await call(sluice, "GET", "")).json() as {
      services: Array<{ instances: Array<{ id: string; health: string }> }>;
    };
    return services[0]!.instances.find((instance) => instance.id === id)!.health;
  };
  await eventually("the check to tell", async () => (await stateOf("dying")) === "unhealthy");
  expect(await stateOf("a")).toBe("healthy");
  const before = dying.requests.length;
  expect(await asked(sluice, 40)).toEqual({ a: 40 });
  expect(dying.requests.length).toBe(before);
  const health = (await ask(sluice.port, { target: "/api/v1/health" })).json();
  expect(health["instances"]).toMatchObject({ total: 2, healthy: 1, unhealthy: 1 });
});

test("an instance is checked at the path it names, and comes back when that is well again", async () => {
  let isWell = true;
  await shops.add("moody", (request) =>
    request.reply(request.target === "/alive" ? { status: isWell ? 200 : 500 } : { body: "moody" }),
  );
  await using sluice = await shops.start({ checks: { interval: "200ms" } });
  await shops.register(sluice, "a", { metadata: { health: "/alive" } });
  await shops.register(sluice, "moody", { metadata: { health: "/alive" } });
  await eventually("both", async () => Object.keys(await asked(sluice, 4)).length === 2);
  isWell = false;
  await eventually("it to be out", async () => (await asked(sluice, 4))["a"] === 4);
  isWell = true;
  await eventually("it to be back", async () => (await asked(sluice, 4))["moody"] !== undefined);
});
