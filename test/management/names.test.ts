import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Authority } from "../kit/certificates.ts";
import { DnsServer } from "../kit/dns-server.ts";
import { eventually } from "../kit/eventually.ts";
import { freePort } from "../kit/free-port.ts";
import { ask } from "../kit/raw-client.ts";
import { type Config, Sluice } from "../kit/sluice.ts";

let folder: string;
let port: number;
let dns: DnsServer;
/** Says `1` on 127.0.0.1, `2` on 127.0.0.2 …, all on one port. */
const origins: Array<Bun.Server<undefined>> = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "sluice-test-"));
  port = await freePort();
  for (const n of [1, 2, 3])
    origins.push(Bun.serve({ hostname: `127.0.0.${n}`, port, fetch: () => new Response(String(n)) }));
});

afterAll(async () => {
  for (const origin of origins) await origin.stop(true);
  rmSync(folder, { recursive: true, force: true });
});

beforeEach(async () => {
  dns = await DnsServer.start();
});

afterEach(async () => {
  await dns.stop().catch(() => undefined);
});

let stores = 0;

/** `/x` leads to the upstream `named` with these endpoints. */
function config(endpoints: readonly Config[], more: Config = {}): (port: number) => Config {
  return (own) => ({
    listeners: [{ name: "web", host: "127.0.0.1", port: own }],
    store: { url: `sqlite:${join(folder, `${stores++}.db`)}` },
    discovery: { dns: { servers: dns.address, grace: "1s", timeout: "500ms" } },
    upstreams: [{ name: "named", endpoints, health: { passive: false } }],
    routes: [{ path: "/x", upstream: "named" }],
    logging: { access: "off" },
    ...more,
  });
}

/** Who answers, over so many requests: `1 2`, or `503`. */
async function who(sluice: Sluice, times = 8): Promise<string> {
  const seen = new Set<string>();
  for (let i = 0; i < times; i++) {
    const { status, text } = await ask(sluice.port, { target: "/x" });
    seen.add(status === 200 ? text : String(status));
  }
  return [...seen].sort().join(" ");
}

for (const workers of [1, 2]) {
  test(`workers: ${workers}: addresses of a name come and go`, async () => {
    dns.setAddresses("api.test", ["127.0.0.1"], 1);
    await using sluice = await Sluice.start(config([{ dns: `api.test:${port}` }], { workers }));
    expect(await who(sluice)).toBe("1");
    dns.setAddresses("api.test", ["127.0.0.1", "127.0.0.2"], 1);
    await eventually("the second address", async () => (await who(sluice, 16)) === "1 2");
    dns.setAddresses("api.test", ["127.0.0.2"], 1);
    await eventually("the first one to go", async () => (await who(sluice, 16)) === "2");
    // The same for all: once is enough, it takes its time.
    if (workers > 1) return;
    dns.clear("api.test", "A");
    await eventually("nothing to be left, after its grace", async () => (await who(sluice)) === "503");
    dns.setAddresses("api.test", ["127.0.0.3"], 1);
    await eventually("another one", async () => (await who(sluice)) === "3");
  });
}

describe("a service of SRV records", () => {
  test("shares by weight among the lowest priority, and goes on to the next when nothing is left of it", async () => {
    for (const n of [1, 2, 3]) dns.setAddresses(`n${n}.test`, [`127.0.0.${n}`], 1);
    const records = [`10 3 ${port} n1.test`, `10 1 ${port} n2.test`, `20 1 ${port} n3.test`];
    dns.setServices("_http._tcp.api.test", records, 1);
    await using sluice = await Sluice.start(config([{ dns: "_http._tcp.api.test" }]));
    const counts = [0, 0, 0, 0];
    for (let i = 0; i < 16; i++) counts[Number((await ask(sluice.port, { target: "/x" })).text)]!++;
    expect(counts).toEqual([0, 12, 4, 0]);
    dns.setServices("_http._tcp.api.test", records.slice(2), 1);
    await eventually("the next priority", async () => (await who(sluice)) === "3");
    dns.setServices("_http._tcp.api.test", records, 1);
    await eventually("the first one again", async () => (await who(sluice, 16)) === "1 2");
  });
});

test("while DNS is away, the last good answer serves, and the state says so", async () => {
  const admin = await freePort();
  dns.setAddresses("api.test", ["127.0.0.1", "127.0.0.2"], 1);
  await using sluice = await Sluice.start(config([{ dns: `api.test:${port}` }], { admin: { port: admin } }));
  expect(await who(sluice)).toBe("1 2");
  const state = async () => {
    const { discovery } = JSON.parse((await ask(admin, { target: "/api/config" })).text) as {
      discovery: { providers: Array<{ name: string; up: boolean; detail: string }> };
    };
    return discovery.providers.find(({ name }) => name.includes("api.test"))!;
  };
  expect(await state()).toMatchObject({ up: true });
  dns.misbehaviour = "silent";
  const away = await eventually("it to be noticed", async () => {
    const now = await state();
    return now.up ? null : now;
  });
  expect(away.detail).toStartWith("stale");
  expect(await who(sluice)).toBe("1 2");
  // Longer than names keep what DNS takes back.
  await Bun.sleep(1_500);
  expect(await who(sluice)).toBe("1 2");
  dns.misbehaviour = null;
  await eventually("it to be fresh", async () => (await state()).up);
});

test("a name under https is what the endpoint has to prove to be, and what it is called", async () => {
  using authority = new Authority();
  const { cert, key } = authority.issue("secure.test");
  const heard: Array<[serverName: unknown, host: unknown]> = [];
  const origin = createServer({ cert, key }, (request, response) => {
    heard.push([(request.socket as { servername?: unknown }).servername, request.headers.host]);
    response.end("hello");
  });
  await new Promise<void>((resolve) => origin.listen(0, "127.0.0.1", resolve));
  const { port: secure } = origin.address() as AddressInfo;
  const tls = { ca: authority.caFile };
  const upstreams = [
    { name: "right", endpoints: [{ dns: `https://secure.test:${secure}` }], tls },
    { name: "wrong", endpoints: [{ dns: `https://other.test:${secure}` }], tls },
    // Whom its records lead to is nobody's word: it is the domain that counts.
    { name: "service", endpoints: [{ dns: "_https._tcp.secure.test" }], tls },
  ];
  const routes = upstreams.map(({ name }) => ({ path: `/${name}`, upstream: name }));
  for (const name of ["secure.test", "other.test"]) dns.setAddresses(name, ["127.0.0.1"]);
  dns.setServices("_https._tcp.secure.test", [`0 0 ${secure} other.test`]);
  await using sluice = await Sluice.start(config([], { upstreams, routes }));
  expect((await ask(sluice.port, { target: "/right" })).text).toBe("hello");
  expect((await ask(sluice.port, { target: "/wrong" })).status).toBe(502);
  expect((await ask(sluice.port, { target: "/service" })).text).toBe("hello");
  const right: (typeof heard)[number] = ["secure.test", `secure.test:${secure}`];
  expect(heard).toEqual([right, right]);
  await new Promise((resolve) => (origin.close(resolve), origin.closeAllConnections()));
});

test("a name in an upstream that the admin API was given is looked up at once, and after a restart", async () => {
  const admin = await freePort();
  const given = config([], { admin: { port: admin }, upstreams: [], routes: [] });
  dns.setAddresses("api.test", ["127.0.0.2"], 60);
  const write = (target: string, body: object) => ask(admin, { method: "POST", target, body: JSON.stringify(body) });
  let kept: Config = {};
  {
    await using sluice = await Sluice.start((own) => (kept = given(own)));
    const upstream = { name: "named", endpoints: [{ dns: `api.test:${port}` }] };
    expect((await write("/api/upstreams", upstream)).status).toBe(201);
    expect((await write("/api/routes", { name: "x", path: "/x", upstream: "named" })).status).toBe(201);
    await eventually("it to be looked up", async () => (await who(sluice, 1)) === "2");
  }
  await using sluice = await Sluice.start((own) => ({
    ...kept,
    listeners: [{ name: "web", host: "127.0.0.1", port: own }],
  }));
  expect(await who(sluice)).toBe("2");
});

test("a name is added to an upstream that has endpoints already", async () => {
  dns.setAddresses("api.test", ["127.0.0.2"], 60);
  const first = [{ url: `http://127.0.0.1:${port}` }];
  const make = config(first);
  let written: Config = {};
  await using sluice = await Sluice.start((own) => (written = make(own)));
  expect(await who(sluice)).toBe("1");
  const endpoints = [...first, { dns: `api.test:${port}` }];
  sluice.rewrite({ ...written, upstreams: [{ name: "named", endpoints, health: { passive: false } }] });
  await eventually("both", async () => (await who(sluice)) === "1 2");
});
