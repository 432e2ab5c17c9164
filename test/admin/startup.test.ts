import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "../kit/eventually.ts";
import { freePort, isFree } from "../kit/free-port.ts";
import { type Config, sluiceCommand, toYaml } from "../kit/sluice.ts";
import { AdminClient } from "./admin-client.ts";
import { pong } from "./admin-sluice.ts";

let folder: string;
let listeners: Array<{ name: string; host: string; port: number }>;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "sluice-admin-start-"));
  listeners = [{ name: "web", host: "127.0.0.1", port: await freePort() }];
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function startWith(config: Config) {
  const file = join(folder, "sluice.yaml");
  writeFileSync(file, toYaml({ listeners, ...config }));
  return sluiceCommand(["start", "--config", file], { cwd: folder });
}

/** What it says before it ends with 1, its log left out. */
async function refusal(config: Config): Promise<string> {
  const process = startWith(config);
  try {
    expect(await process.exited()).toBe(1);
  } finally {
    await process.kill();
  }
  expect(process.stderr).not.toMatch(/^\s+at /m);
  expect(process.stdout).not.toContain("sluice is ready");
  return process.stderr;
}

test("off loopback it does not start without a token", async () => {
  for (const host of ["0.0.0.0", "::", "10.1.2.3"])
    for (const token of [undefined, ""]) {
      const said = await refusal({
        admin: { host, port: await freePort(), ...(token === undefined ? {} : { token }) },
      });
      expect(said).toContain(
        `admin.token  off loopback (${host}) the admin API needs a token (set it, or listen on 127.0.0.1)`,
      );
    }
});

test("a read-only token without the other, or the same, is refused", async () => {
  expect(await refusal({ admin: { readOnlyToken: "r" } })).toContain("admin.readOnlyToken");
  expect(await refusal({ admin: { token: "t", readOnlyToken: "t" } })).toContain("is the same as admin.token");
});

test.each([1, 2])("a port that is taken is named, and with %d workers nothing stays behind", async (workers) => {
  const taken = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  try {
    const said = await refusal({ workers, admin: { port: taken.port }, routes: [pong("/")] });
    expect(said).toContain(String(taken.port));
    expect(said).toMatch(/in use/i);
    await eventually("the proxy's port to be free", () => isFree(listeners[0]!.port));
  } finally {
    taken.stop(true);
  }
});

test("a store that is broken is named, with what to do", async () => {
  const admin = { port: await freePort() };
  writeFileSync(join(folder, "broken.db"), "this is no database, and was never one".repeat(100));
  expect(await refusal({ admin, store: { url: "sqlite:broken.db" } })).toContain("broken.db");
  mkdirSync(join(folder, "folder.db"));
  expect(await refusal({ admin, store: { url: "sqlite:folder.db" } })).toContain("folder.db");
  expect(await refusal({ admin, store: { url: "mysql://user:hidden@db/x" } })).not.toContain("hidden");
  const away = `postgres://user:hidden@127.0.0.1:${await freePort()}/x`;
  const said = await refusal({ admin, store: { url: away } });
  expect(said).toContain("127.0.0.1");
  expect(said).not.toContain("hidden");
});

test("a file that takes a stored name does not start, and says which: neither wins by itself", async () => {
  const port = await freePort();
  const first = startWith({ admin: { port } });
  try {
    await first.says("sluice is ready");
    expect((await new AdminClient(port).put("/api/routes/shop", pong("/shop"))).status).toBe(201);
  } finally {
    await first.kill();
  }
  const said = await refusal({ admin: { port }, routes: [{ name: "shop", ...pong("/elsewhere") }] });
  expect(said).toContain('"shop"');
  expect(said).toContain("store: route shop");
});

test("without an admin section nothing listens and nothing is stored; nor where it is switched off", async () => {
  for (const admin of [{}, { admin: { enabled: false, port: await freePort() } }]) {
    const process = startWith({ ...admin, routes: [pong("/")] });
    try {
      await process.says("sluice is ready");
      expect(process.stdout).not.toContain("admin API");
      expect(await Bun.file(join(folder, "data/sluice.db")).exists()).toBe(false);
    } finally {
      await process.kill();
    }
  }
});
