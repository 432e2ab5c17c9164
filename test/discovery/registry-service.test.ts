import { describe, expect, test } from "bun:test";
import { RegistryRefusal } from "../../src/control/discovery/registry/instance.ts";
import { ServiceRegistry } from "../../src/control/discovery/registry/service-registry.ts";
import { ManualClock } from "../kit/manual-clock.ts";
import { registration } from "./registry-kit.ts";

function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof RegistryRefusal) return error.code;
    throw error;
  }
  return "none";
}

function setup(limits?: { maxInstances: number; maxServices: number }) {
  const clock = new ManualClock();
  return { clock, registry: new ServiceRegistry(clock, limits) };
}

describe("the registry", () => {
  test("lists instances in the order they came", () => {
    const { registry } = setup();
    for (const id of ["b", "a", "c"]) registry.register(registration({ id }));
    expect(registry.list().map(({ id }) => id)).toEqual(["b", "a", "c"]);
    expect([registry.size, registry.serviceCount]).toEqual([3, 1]);
  });

  test("updates an instance that registers again, and keeps when it came", async () => {
    const { clock, registry } = setup();
    const first = registry.register(registration()).instance;
    await clock.advance(1_000);
    const again = registry.register(registration({ port: 9090 }));
    expect(again.outcome).toBe("updated");
    expect(again.instance).toMatchObject({ port: 9090, registeredAt: first.registeredAt });
    expect(again.instance.updatedAt).toBe(first.updatedAt + 1_000);
    expect(registry.size).toBe(1);
  });

  test("sees that nothing is new, and what is", () => {
    const { registry } = setup();
    const before = registration({ metadata: { a: "1", b: "2" } });
    registry.register(before);
    expect(registry.plan(registration({ metadata: { b: "2", a: "1" } })).outcome).toBe("unchanged");
    const others: Array<Record<string, string>> = [
      { a: "1" },
      { a: "1", b: "3" },
      { a: "1", c: "2" },
      { a: "1", b: "2", c: "3" },
    ];
    for (const metadata of others) {
      expect(registry.plan(registration({ metadata })).outcome).toBe("updated");
    }
    expect(registry.plan({ ...before, ttlMs: 5_000 }).outcome).toBe("updated");
  });

  test("lets no other service take an id", () => {
    const { registry } = setup();
    registry.register(registration());
    expect(codeOf(() => registry.register(registration({ service: "b" })))).toBe("instance_conflict");
    registry.deregister("a-1");
    expect(registry.register(registration({ service: "b" })).outcome).toBe("registered");
  });

  test("keeps Sluice's own paths free, in any case of letters", () => {
    const { registry } = setup();
    for (const service of ["api", "docs", "health", "metrics", "API", "prometheus"]) {
      expect(codeOf(() => registry.register(registration({ service })))).toBe("reserved_service");
    }
    expect(registry.register(registration({ service: "api2" })).outcome).toBe("registered");
  });

  test("is bounded in instances and services, and takes more when some have gone", () => {
    const { registry } = setup({ maxInstances: 3, maxServices: 2 });
    registry.register(registration({ id: "a", service: "a" }));
    registry.register(registration({ id: "b", service: "b" }));
    expect(codeOf(() => registry.register(registration({ id: "c", service: "c" })))).toBe("registry_full");
    registry.register(registration({ id: "b2", service: "b" }));
    expect(codeOf(() => registry.register(registration({ id: "b3", service: "b" })))).toBe("registry_full");
    expect(registry.register(registration({ id: "b", service: "b", port: 1 })).outcome).toBe("updated");
    registry.deregister("a");
    expect(registry.register(registration({ id: "c", service: "c" })).outcome).toBe("registered");
  });

  test("knows nobody who has not registered", () => {
    const { registry } = setup();
    expect(codeOf(() => registry.deregister("x"))).toBe("instance_not_found");
    expect(codeOf(() => registry.heartbeat("x"))).toBe("instance_not_found");
    expect(codeOf(() => registry.heartbeat("__proto__"))).toBe("instance_not_found");
  });
});

describe("an instance", () => {
  test("that never heartbeats and asked for nothing stays", async () => {
    const { clock, registry } = setup();
    registry.register(registration());
    expect(registry.nextExpiry).toBeNull();
    await clock.advance(365 * 86_400_000);
    expect(registry.expire()).toEqual([]);
    expect(registry.size).toBe(1);
  });

  test("that asked for a ttl goes when nothing is heard of it", async () => {
    const { clock, registry } = setup();
    registry.register(registration({ ttlMs: 5_000 }));
    await clock.advance(4_999);
    expect(registry.expire()).toEqual([]);
    expect(registry.nextExpiry).toBe(1);
    await clock.advance(1);
    expect(registry.expire().map(({ id }) => id)).toEqual(["a-1"]);
    expect([registry.size, registry.serviceCount]).toEqual([0, 0]);
  });

  test("lives on by heartbeats, and by registering again as it is", async () => {
    const { clock, registry } = setup();
    const mine = registration({ ttlMs: 5_000 });
    registry.register(mine);
    await clock.advance(4_000);
    registry.heartbeat("a-1");
    await clock.advance(4_000);
    expect(registry.register(mine).outcome).toBe("unchanged");
    await clock.advance(4_999);
    expect(registry.expire()).toEqual([]);
    await clock.advance(1);
    expect(registry.expire()).toHaveLength(1);
  });

  test("that has sent one heartbeat has to send more, every 30 s", async () => {
    const { clock, registry } = setup();
    registry.register(registration());
    await clock.advance(86_400_000);
    registry.heartbeat("a-1");
    expect(registry.nextExpiry).toBe(30_000);
    registry.register(registration({ port: 9 }));
    await clock.advance(29_999);
    expect(registry.expire()).toEqual([]);
    await clock.advance(1);
    expect(registry.expire()).toHaveLength(1);
  });

  test("takes nobody with it when it goes", async () => {
    const { clock, registry } = setup();
    registry.register(registration({ id: "short", ttlMs: 1_000 }));
    registry.register(registration({ id: "long", ttlMs: 2_000 }));
    registry.register(registration({ id: "ever" }));
    await clock.advance(1_500);
    expect(registry.expire().map(({ id }) => id)).toEqual(["short"]);
    expect(registry.list().map(({ id }) => id)).toEqual(["long", "ever"]);
    expect(registry.nextExpiry).toBe(500);
  });
});
