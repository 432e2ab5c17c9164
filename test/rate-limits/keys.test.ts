import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { SignJWT } from "jose";
import type { RequestParts } from "../kit/raw-client.ts";
import { type Config, Sluice } from "../kit/sluice.ts";
import { Clients, LONG } from "./clients.ts";

setDefaultTimeout(60_000);

const MAX = 20;
const SECRET = "0123456789abcdef0123456789abcdef";

const limited = (name: string, by: unknown, more: Config = {}): Config => ({
  name,
  path: `/${name}`,
  respond: { status: 200, body: "x" },
  rateLimit: { max: MAX, window: LONG, by },
  ...more,
});

const configuration: Config = {
  workers: 4,
  trustedProxies: ["127.0.0.1"],
  security: {
    auth: {
      keys: [
        { name: "ada", key: "key-of-ada" },
        { name: "bob", key: "key-of-bob" },
      ],
    },
  },
  rateLimit: { global: { max: 1000, window: LONG } },
  routes: [
    limited("address", "clientIp"),
    limited("header", "header:X-Tenant"),
    limited("route", "route"),
    limited("identity", "identity", { auth: "required" }),
    limited("claim", "claim:org", { plugins: [{ use: "jwt", with: { secret: SECRET } }] }),
    limited("both", ["clientIp", "header:X-Tenant"]),
    { name: "free", path: "/free", respond: { status: 200, body: "x" } },
  ],
  logging: { access: "off" },
};

const tokenOf = (sub: string, org: unknown) =>
  new SignJWT({ sub, org }).setProtectedHeader({ alg: "HS256" }).setExpirationTime("1h").sign(Buffer.from(SECRET));

describe("over four workers, one count", () => {
  let sluice: Sluice;
  let clients: Clients;
  beforeAll(async () => {
    sluice = await Sluice.start(configuration);
    clients = await Clients.connect(sluice.port, 16);
  });
  afterAll(async () => {
    clients.close();
    await sluice.stop();
  });

  let address = 0;
  /** From an address of its own unless it has one. @returns how many of 32, over all workers, were answered with each status */
  const ask = (target: string, fields: Record<string, string> = {}) => {
    const from = { "X-Forwarded-For": `198.51.100.${++address}`, ...fields };
    const parts: RequestParts = { target: `/${target}`, fields: Object.entries(from) };
    return clients.ask(2, parts);
  };
  const FULL = { 200: MAX, 429: 32 - MAX };
  const NONE = { 429: 32 };

  test("for each IPv4 address, also where it comes as IPv6", async () => {
    expect(await ask("address", { "X-Forwarded-For": "192.0.2.1" })).toEqual(FULL);
    expect(await ask("address", { "X-Forwarded-For": "192.0.2.2" })).toEqual(FULL);
    expect(await ask("address", { "X-Forwarded-For": "::ffff:192.0.2.1" })).toEqual(NONE);
  });

  test("for each IPv6 network of 64 bits, whatever addresses its owner takes", async () => {
    expect(await ask("address", { "X-Forwarded-For": "2001:db8:0:1::1" })).toEqual(FULL);
    expect(await ask("address", { "X-Forwarded-For": "2001:db8:0:1:ffff:abcd::9" })).toEqual(NONE);
    expect(await ask("address", { "X-Forwarded-For": "2001:db8:0:2::1" })).toEqual(FULL);
  });

  test("for each value of a header", async () => {
    expect(await ask("header", { "X-Tenant": "a" })).toEqual(FULL);
    expect(await ask("header", { "X-Tenant": "b" })).toEqual(FULL);
    expect(await ask("header", { "X-Tenant": "a" })).toEqual(NONE);
  });

  test("for a route, all clients together, and for no other route", async () => {
    expect(await ask("route")).toEqual(FULL);
    expect(await ask("route")).toEqual(NONE);
    expect(await ask("free")).toEqual({ 200: 32 });
  });

  test("for each API key's owner; who has none is refused before and uses up nothing", async () => {
    expect(await ask("identity", { "X-API-Key": "wrong" })).toEqual({ 401: 32 });
    expect(await ask("identity", { "X-API-Key": "key-of-ada" })).toEqual(FULL);
    expect(await ask("identity", { "X-API-Key": "key-of-bob" })).toEqual(FULL);
    expect(await ask("identity", { "X-API-Key": "key-of-ada" })).toEqual(NONE);
  });

  test("for each value of a token's claim, whoever shows it", async () => {
    const bearer = async (sub: string, org: unknown) => ({ Authorization: `Bearer ${await tokenOf(sub, org)}` });
    expect(await ask("claim", await bearer("ada", "one"))).toEqual(FULL);
    expect(await ask("claim", await bearer("bob", "one"))).toEqual(NONE);
    expect(await ask("claim", await bearer("bob", "two"))).toEqual(FULL);
    // No single value: the client's address is what counts.
    expect(await ask("claim", await bearer("eve", ["one", "three"]))).toEqual(FULL);
  });

  test("for each combination of what a list names", async () => {
    const of = (forwarded: string, tenant: string) => ({ "X-Forwarded-For": forwarded, "X-Tenant": tenant });
    expect(await ask("both", of("192.0.2.1", "a"))).toEqual(FULL);
    expect(await ask("both", of("192.0.2.2", "a"))).toEqual(FULL);
    expect(await ask("both", of("192.0.2.1", "b"))).toEqual(FULL);
    expect(await ask("both", of("192.0.2.1", "a"))).toEqual(NONE);
  });

  test("for a client over all routes and none, by the global limit", async () => {
    const from = { "X-Forwarded-For": "203.0.113.1" };
    for (let i = 0; i < 31; i++) await ask(["free", "nowhere"][i % 2]!, from);
    expect(await ask("free", from)).toEqual({ 200: 8, 429: 24 });
    expect(await ask("nowhere", from)).toEqual(NONE);
  });
});
