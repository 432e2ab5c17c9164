import { describe, expect, test } from "bun:test";
import { Gate } from "../kit/eventually.ts";
import { settled } from "../kit/manual-clock.ts";
import { MemoryStore, registration, TestRegistry } from "./registry-kit.ts";

const refuse = () => Promise.reject(new Error("disk full"));

describe("a running registry", () => {
  test("stores before it acknowledges or routes", async () => {
    const { running, store, ids } = new TestRegistry();
    const gate = new Gate();
    store.gate = gate.opened;
    let acknowledged = false;
    const registering = running.register(registration(), "tester").then(() => (acknowledged = true));
    await settled();
    expect([acknowledged, ids]).toEqual([false, []]);
    gate.open();
    await registering;
    expect(store.objects.get("a-1")?.value).toMatchObject({ service: "a", address: "10.0.0.1", port: 8080 });
  });

  test("says what was done and by whom, in the same transaction", async () => {
    const test = new TestRegistry();
    await test.running.register(registration(), "ops");
    await test.running.register(registration({ port: 9 }), "ops");
    await test.running.deregister("a-1", "dev");
    expect(
      test.store.changes.map(({ audit }) => [audit.action, audit.actor, audit.target, audit.detail["port"]]),
    ).toEqual([
      ["service.register", "ops", "a-1", 8080],
      ["service.update", "ops", "a-1", 9],
      ["service.deregister", "dev", "a-1", 9],
    ]);
  });

  test("writes nothing for what is known, nor for heartbeats that were announced", async () => {
    const test = new TestRegistry();
    await test.running.register(registration({ ttlMs: 5_000 }), "t");
    await test.running.register(registration({ ttlMs: 5_000 }), "t");
    await test.running.heartbeat("a-1", "t");
    expect(test.store.changes).toHaveLength(1);
  });

  test("remembers over a restart, in the same order, with whoever heartbeats", async () => {
    const before = new TestRegistry();
    await before.running.register(registration({ id: "z", weight: 3, metadata: { weight: "3", version: "2" } }), "t");
    await before.running.register(registration({ id: "a", scheme: "https", metadata: { scheme: "https" } }), "t");
    await before.running.register(registration({ id: "m", ttlMs: 9_000 }), "t");
    await before.running.heartbeat("a", "t");
    await before.running.heartbeat("a", "t");
    expect(before.store.changes).toHaveLength(4);

    const after = new TestRegistry({ store: before.store });
    expect(await after.running.start()).toEqual([]);
    expect(after.running.registry.list()).toEqual(before.running.registry.list());
    await after.clock.advance(8_999);
    expect(after.ids).toEqual(["z", "a", "m"]);
    await after.clock.advance(1);
    expect(after.ids).toEqual(["z", "a"]);
    await after.clock.advance(30_000);
    expect(after.ids).toEqual(["z"]);
    expect([...after.store.objects.keys()]).toEqual(["z"]);
  });

  test("leaves out what is stored and cannot be read, and says so", async () => {
    const store = new MemoryStore();
    const stored = { kind: "service", revision: 1, updatedAt: 0 } as const;
    store.objects.set("bad", { ...stored, id: "bad", value: { id: "bad", service: "../x", address: "a", port: 1 } });
    store.objects.set("odd", { ...stored, id: "odd", value: null });
    store.objects.set("ok", { ...stored, id: "ok", value: { ...registration({ id: "ok" }), registeredAt: 1e300 } });
    const test = new TestRegistry({ store });
    const unreadable = await test.running.start();
    expect(unreadable).toHaveLength(2);
    expect(unreadable[0]).toContain("bad: service: expected");
    expect(test.ids).toEqual(["ok"]);
    expect((await test.call("GET /api/v1/services")).json["total"]).toBe(1);
  });

  test("expires by itself, and forgets it in the store", async () => {
    const test = new TestRegistry();
    await test.running.register(registration({ ttlMs: 5_000 }), "t");
    await test.running.register(registration({ id: "b-1", service: "b" }), "t");
    expect(test.clock.nextIn).toBe(5_000);
    await test.clock.advance(5_000);
    expect(test.ids).toEqual(["b-1"]);
    expect([...test.store.objects.keys()]).toEqual(["b-1"]);
    expect(test.store.changes.at(-1)!.audit).toMatchObject({ action: "service.expire", actor: "registry" });
    expect(test.clock.alarmCount).toBe(0);
  });

  test("expects more heartbeats of who has sent one", async () => {
    const test = new TestRegistry();
    await test.running.register(registration(), "t");
    expect(test.clock.nextIn).toBeNull();
    await test.running.heartbeat("a-1", "t");
    await test.clock.advance(29_999);
    expect(test.ids).toEqual(["a-1"]);
    await test.clock.advance(1);
    expect(test.ids).toEqual([]);
  });

  test("keeps who comes back at the moment it expired", async () => {
    const test = new TestRegistry();
    await test.running.register(registration({ ttlMs: 5_000 }), "t");
    const gate = new Gate();
    test.store.gate = gate.opened;
    const other = test.running.register(registration({ id: "x" }), "t");
    const again = test.running.register(registration({ ttlMs: 5_000 }), "t");
    await test.clock.advance(5_000);
    gate.open();
    await Promise.all([other, again]);
    await settled();
    expect(test.ids).toContain("a-1");
    expect(test.store.objects.has("a-1")).toBe(true);
  });

  test("goes on when what expired cannot be removed, and says so", async () => {
    const test = new TestRegistry();
    await test.running.register(registration({ ttlMs: 5_000 }), "t");
    test.store.apply = refuse;
    await test.clock.advance(5_000);
    expect(test.ids).toEqual([]);
    expect(test.failures).toEqual(["the expired instance a-1 is still stored"]);
  });

  test("changes nothing that it could not store", async () => {
    const test = new TestRegistry();
    await test.running.register(registration(), "t");
    test.store.apply = refuse;
    for (const work of [
      () => test.running.register(registration({ port: 9 }), "t"),
      () => test.running.register(registration({ id: "new" }), "t"),
      () => test.running.deregister("a-1", "t"),
    ]) {
      expect(await work().catch((error: { code: string }) => error.code)).toBe("registry_unavailable");
    }
    expect(test.running.registry.list().map(({ id, port }) => [id, port])).toEqual([["a-1", 8080]]);
  });

  test("takes one of two that want the same id at once", async () => {
    const test = new TestRegistry();
    const outcomes = await Promise.allSettled([
      test.running.register(registration({ service: "a" }), "t"),
      test.running.register(registration({ service: "b" }), "t"),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
    expect(test.store.changes).toHaveLength(1);
  });

  test("forgets no heartbeat that came while an update was stored", async () => {
    const test = new TestRegistry();
    await test.running.register(registration(), "t");
    const gate = new Gate();
    test.store.gate = gate.opened;
    const updating = test.running.register(registration({ port: 9 }), "t");
    await settled();
    const beating = test.running.heartbeat("a-1", "t");
    gate.open();
    await Promise.all([updating, beating]);
    expect(test.running.registry.get("a-1")).toMatchObject({ port: 9, beats: true });
    expect(test.store.objects.get("a-1")!.value).toMatchObject({ port: 9, beats: true });
  });

  test("is silent once it is stopped", async () => {
    const test = new TestRegistry();
    await test.running.register(registration({ ttlMs: 5_000 }), "t");
    test.running.stop();
    await test.running.register(registration({ id: "b", ttlMs: 5_000 }), "t");
    expect(test.clock.alarmCount).toBe(0);
  });
});
