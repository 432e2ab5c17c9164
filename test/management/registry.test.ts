import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../kit/free-port.ts";
import { ask } from "../kit/raw-client.ts";
import { RawOrigin } from "../kit/raw-origin.ts";
import { type Config, Sluice } from "../kit/sluice.ts";

let folder: string;
let origin: RawOrigin;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "sluice-test-"));
  origin = await RawOrigin.start((request) => request.reply({ body: `origin saw ${request.target}` }));
});

afterAll(async () => {
  await origin.stop();
  rmSync(folder, { recursive: true, force: true });
});

let stores = 0;
const registry = (more: Config = {}): Config => ({
  listeners: undefined,
  admin: { port: 0 },
  store: { url: `sqlite:${join(folder, `${stores++}.db`)}` },
  discovery: { registry: { listener: "web" } },
  routes: [{ name: "home", path: "/", respond: { body: "home" } }],
  ...more,
});

const listening = (config: Config) => (port: number) => ({
  ...config,
  listeners: [{ name: "web", host: "127.0.0.1", port }],
});

async function start(more: Config = {}): Promise<Sluice> {
  return Sluice.start((port) => ({ ...registry(more), listeners: [{ name: "web", host: "127.0.0.1", port }] }));
}

function call(sluice: Sluice, method: string, target: string, body?: object) {
  return ask(sluice.port, { method, target, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
}

/** FluxGate's own example, numbers as text included. */
function instance(id: string, service: string, port: number): object {
  return { id, service, address: "localhost", port: String(port), metadata: { version: "2.0", weight: "2" } };
}

for (const workers of [1, 2]) {
  test(`workers: ${workers}: whoever registers is routed when the reply comes, and gone when it deregisters`, async () => {
    await using sluice = await start({ workers });
    const registered = await call(sluice, "POST", "/api/v1/services/register", instance("a", "shop", origin.port));
    expect(registered.status).toBe(201);
    for (let i = 0; i < 4; i++) expect((await call(sluice, "GET", "/shop/cart?x=1")).text).toBe("origin saw /cart?x=1");
    expect((await call(sluice, "GET", "/api/v1/services")).json()).toMatchObject({ total: 1 });
    expect((await call(sluice, "DELETE", "/api/v1/services/deregister", { id: "a" })).status).toBe(200);
    expect((await call(sluice, "GET", "/shop/cart")).json()["code"]).toBe("no_route");
  });
}

test("registrations outlive the process, however it ends", async () => {
  const config = registry();
  const port = await freePort();
  const listeners = [{ name: "web", host: "127.0.0.1", port }];
  {
    await using sluice = await Sluice.start({ ...config, listeners });
    const reply = await ask(port, {
      method: "POST",
      target: "/api/v1/services/register",
      body: JSON.stringify(instance("a", "shop", origin.port)),
    });
    expect(reply.status).toBe(201);
    process.kill(sluice.pid, "SIGKILL");
  }
  await using sluice = await Sluice.start({ ...config, listeners });
  expect((await ask(port, { target: "/shop/again" })).text).toBe("origin saw /again");
  expect(sluice.process.output).not.toContain("error");
});

test("a route that is written down wins over a discovered one", async () => {
  await using sluice = await start({ routes: [{ name: "own", path: "/shop/:what", respond: { body: "own" } }] });
  await call(sluice, "POST", "/api/v1/services/register", instance("a", "shop", origin.port));
  expect((await call(sluice, "GET", "/shop/cart")).text).toBe("own");
  expect((await call(sluice, "GET", "/shop/cart/7")).text).toBe("origin saw /cart/7");
});

test("what may not be dialled may not be registered, nor may our own admin listener", async () => {
  await using sluice = await start();
  const admin = /admin API on http:\/\/127\.0\.0\.1:(\d+)/.exec(sluice.process.output)![1];
  for (const [address, port] of [
    ["169.254.169.254", 80],
    ["127.0.0.1", Number(admin)],
    ["localhost", Number(admin)],
  ] as const) {
    const reply = await call(sluice, "POST", "/api/v1/services/register", { id: "x", service: "x", address, port });
    expect([address, reply.status]).toEqual([address, 403]);
  }
});

test("off loopback the registry needs a token, and then asks for it", async () => {
  const open = (port: number, more: Config = {}) => ({
    ...registry(),
    listeners: [{ name: "web", host: "0.0.0.0", port }],
    ...more,
  });
  await expect(Sluice.start((port) => open(port))).rejects.toThrow("needs a token");
  await using sluice = await Sluice.start((port) => open(port, { admin: { port: 0, token: "s3cret" } }));
  const body = JSON.stringify(instance("a", "shop", origin.port));
  const target = "/api/v1/services/register";
  expect((await ask(sluice.port, { method: "POST", target, body })).status).toBe(401);
  const fields = [["Authorization", "Bearer s3cret"]] as const;
  expect((await ask(sluice.port, { method: "POST", target, body, fields })).status).toBe(201);
  expect(sluice.process.output).not.toContain("s3cret");
});

test("our own admin API is nobody's upstream, whoever names it", async () => {
  const admin = await freePort();
  for (const port of [admin, 0]) {
    await using sluice = await start({
      admin: { port },
      upstreams: [{ name: "loop", url: `http://127.0.0.1:${admin}` }],
      routes: [{ name: "loop", path: "/loop/*", upstream: "loop", stripPath: "/loop" }],
    });
    const bound = Number(/admin API on http:\/\/127\.0\.0\.1:(\d+)/.exec(sluice.process.output)![1]);
    const at = JSON.stringify({ path: "/self/*", upstream: `http://localhost:${bound}`, stripPath: "/self" });
    expect((await ask(bound, { method: "POST", target: "/api/routes", body: at })).status).toBe(201);
    expect((await call(sluice, "GET", "/self/api/config")).json()["code"]).toBe("upstream_forbidden");
    if (port !== 0) expect((await call(sluice, "GET", "/loop/api/config")).json()["code"]).toBe("upstream_forbidden");
  }
});

test("a file may name what the store has, at a restart, too; without the store it is told what is missing", async () => {
  const config = registry({ discovery: undefined, routes: [{ name: "a", path: "/a", upstream: "kept" }] });
  const plain = { ...config, routes: [{ name: "home", path: "/", respond: { body: "home" } }] };
  await expect(Sluice.start(listening(config))).rejects.toThrow('no upstream is called "kept"');
  {
    await using sluice = await Sluice.start(listening(plain));
    const bound = Number(/admin API on http:\/\/127\.0\.0\.1:(\d+)/.exec(sluice.process.output)![1]);
    const body = JSON.stringify({ name: "kept", url: origin.url });
    expect((await ask(bound, { method: "POST", target: "/api/upstreams", body })).status).toBe(201);
  }
  await using sluice = await Sluice.start(listening(config));
  expect((await call(sluice, "GET", "/a")).text).toBe("origin saw /a");
});
