import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { StoredRegistrations } from "../../src/control/discovery/registry/registry-store.ts";
import { openStore } from "../../src/control/store/open-store.ts";
import { instance } from "./registry-kit.ts";

describe("registrations in a real store", () => {
  test("are there again as they were, less what left, with who did it", async () => {
    const folder = mkdtempSync(join(tmpdir(), "sluice-registry-"));
    const open = () => openStore({ url: "sqlite:x.db", folder, now: () => 7, log: () => undefined });
    const metadata = { version: "2.0", weight: "3", scheme: "https", note: 'č "quoted"' };
    const one = instance({ id: "z@1", weight: 3, scheme: "https", metadata, ttlMs: 5_000 });
    const two = instance({ id: "a", address: "fd00::1", beats: true, registeredAt: 5, updatedAt: 6 });
    const before = await open();
    const registrations = new StoredRegistrations(before);
    await registrations.save(one, "registered", "ops");
    await registrations.save(two, "registered", "ops");
    await registrations.save(instance({ id: "gone" }), "registered", "ops");
    await registrations.save({ ...one, port: 9 }, "updated", "ops");
    await registrations.remove(instance({ id: "gone" }), "deregistered", "dev");
    await before.close();

    const after = await open();
    expect(await new StoredRegistrations(after).load()).toEqual({
      instances: [{ ...one, port: 9 }, two],
      unreadable: [],
    });
    const { entries } = await after.audit({ page: 1, pageSize: 2 });
    expect(entries.map(({ actor, action, target }) => [actor, action, target])).toEqual([
      ["dev", "service.deregister", "gone"],
      ["ops", "service.update", "z@1"],
    ]);
    await after.close();
    rmSync(folder, { recursive: true, force: true });
  });
});
