import { expect, test } from "bun:test";
import type { Configuration } from "../../src/configuration.ts";
import type { Store } from "../../src/control/store/store.ts";
import { StoredConfig } from "../../src/control/store/stored-config.ts";
import { ConfigChanges } from "../../src/management/config-changes.ts";
import type { AdminClient } from "./admin-client.ts";
import { AdminListener } from "../../src/management/admin-listener.ts";
import { AdminSluice, pong } from "./admin-sluice.ts";
import { Mortal } from "./mortal.ts";

test("what is removed and made anew has a revision that the old one never had, and can be changed by it", async () => {
  await using running = await AdminSluice.start();
  const etag = async () => (await running.admin.get("/api/routes/r")).headers.get("etag")!;
  await running.admin.put("/api/routes/r", pong("/r"));
  const old = await etag();
  await running.admin.delete("/api/routes/r");
  const made = await running.admin.put("/api/routes/r", pong("/r"));
  expect(made.headers.get("etag")).toBe(await etag());
  expect(await etag()).not.toBe(old);
  const put = async (tag: string) =>
    (await running.admin.put("/api/routes/r", pong("/r", "new"), { headers: { "If-Match": tag } })).status;
  expect(await put(old)).toBe(412);
  expect(await put(await etag())).toBe(200);
});

test("a refused change is taken back in what is served, too: something else may have been read with it", async () => {
  const seen: unknown[] = [];
  const before = StoredConfig.empty;
  const configuration = { stored: before } as Configuration;
  const reconcile = () => {
    seen.push(configuration.stored);
    return Promise.resolve(
      seen.length === 1 ? ({ kind: "invalid", error: [] } as const) : ({ kind: "unchanged" } as const),
    );
  };
  const store = {} as Store;
  const changes = new ConfigChanges({ configuration, store, reconcile, now: () => 0 });
  const audit = { actor: "", action: "", target: "", detail: {} };
  const change = { kind: "route", id: "r", value: {}, ifRevision: null, audit } as const;
  expect(await changes.change([change], { dryRun: false })).toEqual({ kind: "invalid", errors: [] });
  expect(seen.map((stored) => stored === before)).toEqual([false, true]);
});

test("the admin API shares its port with nobody, not even with who would share", async () => {
  const shared = Bun.listen({ hostname: "127.0.0.1", port: 0, reusePort: true, socket: { data() {} } } as never);
  const app = { handle: () => Promise.resolve(new Response()) };
  try {
    expect(
      () => new AdminListener({ host: "127.0.0.1", port: shared.port, token: "", readOnlyToken: "" }, app),
    ).toThrow("in use");
  } finally {
    shared.stop(true);
  }
});

test("everything that can be stored is there after a restart, in the order in which it was made", async () => {
  const mortal = await Mortal.start();
  const { admin } = mortal;
  try {
    await admin.put("/api/upstreams/u", { endpoints: [{ url: "http://127.0.0.1:9", weight: 3 }] });
    for (const name of ["c", "a", "b"]) await admin.put(`/api/routes/${name}`, { path: `/${name}`, upstream: "u" });
    const { key } = (await admin.post("/api/keys", { name: "k" })).json;
    const [{ id }] = (await admin.get("/api/endpoints")).json;
    await admin.put(`/api/endpoints/${id}`, { draining: true });
    const etag = (await admin.get("/api/routes/a")).headers.get("etag");
    const before = await seen(admin);
    await mortal.kill();
    await mortal.restart();
    expect(await seen(admin)).toEqual(before);
    expect((await admin.get("/api/routes/a")).headers.get("etag")).toBe(etag);
    expect((await admin.get("/api/routes")).json.map((route: { id: string }) => route.id)).toEqual(["c", "a", "b"]);
    expect((await admin.get("/api/endpoints")).json).toMatchObject([{ id, weight: 0, draining: true }]);
    expect((await admin.get("/api/keys")).text).not.toContain(key);
  } finally {
    await mortal.end();
  }
});

async function seen(admin: AdminClient): Promise<unknown[]> {
  const paths = ["/api/routes", "/api/upstreams", "/api/keys", "/api/audit", "/api/endpoints"];
  return Promise.all(paths.map(async (path) => (await admin.get(path)).json));
}
