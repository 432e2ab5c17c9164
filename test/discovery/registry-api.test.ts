import { describe, expect, test } from "bun:test";
import { isRegistryPath } from "../../src/control/discovery/registry/registry-api.ts";
import { TestRegistry } from "./registry-kit.ts";

const REGISTER = "POST /api/v1/services/register";

describe("the registry's API", () => {
  test("takes what FluxGate's users type", async () => {
    const test = new TestRegistry();
    const first = await test.call(
      REGISTER,
      '{"id": "my-api-1", "service": "my-api", "address": "localhost", "port": 8001}',
      {
        "content-type": "application/json",
      },
    );
    expect(first.status).toBe(201);
    const second = await test.call(
      REGISTER,
      `{"id": "user-service-v2", "service": "user-service", "address": "10.0.1.100",
  "port": 8080, "metadata": {"version": "2.0", "weight": "2", "region": "us-west"}}`,
      { "content-type": "application/x-www-form-urlencoded" },
    );
    expect(second.status).toBe(201);
    expect(second.json["instance"]).toMatchObject({ weight: 2, metadata: { version: "2.0" }, health: "unknown" });
    const { json } = await test.call("GET /api/v1/services");
    expect(json["total"]).toBe(2);
    expect(json["services"].map((one: { service: string }) => one.service)).toEqual(["my-api", "user-service"]);
    expect((await test.call("DELETE /api/v1/services/deregister?id=my-api-1")).status).toBe(200);
    expect((await test.call("DELETE /api/v1/services/deregister", { id: "user-service-v2" })).status).toBe(200);
    expect(test.ids).toEqual([]);
  });

  test("says whether something is new, changed or known", async () => {
    const test = new TestRegistry();
    const replies = [await test.register(), await test.register({ port: 9 }), await test.register({ port: "9" })];
    expect(replies.map(({ status, json }) => [status, json["status"]])).toEqual([
      [201, "registered"],
      [200, "updated"],
      [200, "unchanged"],
    ]);
    expect((await test.register({ tags: ["x"] })).json["ignored"]).toEqual(["tags"]);
  });

  test("lists one service, each instance with its health and its deadline", async () => {
    const test = new TestRegistry();
    await test.register({ ttl: "10s" });
    await test.register({ id: "b-1", service: "b" });
    test.health.set("a-1", { healthy: false, reason: "connection refused" });
    await test.clock.advance(4_000);
    const { json } = await test.call("GET /api/v1/services?service=a");
    expect(json["services"]).toEqual([
      {
        service: "a",
        instances: [
          expect.objectContaining({
            id: "a-1",
            health: "unhealthy",
            healthReason: "connection refused",
            ttlMs: 10_000,
            expiresInMs: 6_000,
            registeredAt: "2026-01-01T00:16:40.000Z",
          }),
        ],
      },
    ]);
  });

  test("keeps alive who heartbeats, by query or body", async () => {
    const test = new TestRegistry();
    await test.register({ ttl: "10s" });
    await test.clock.advance(9_000);
    expect(await test.call("PUT /api/v1/services/heartbeat?id=a-1")).toMatchObject({
      status: 200,
      json: { status: "ok", id: "a-1", ttlMs: 10_000 },
    });
    await test.clock.advance(9_000);
    expect((await test.call("PUT /api/v1/services/heartbeat", { id: "a-1" })).status).toBe(200);
    await test.clock.advance(10_000);
    const gone = await test.call("PUT /api/v1/services/heartbeat?id=a-1");
    expect([gone.status, gone.json["code"]]).toEqual([404, "instance_not_found"]);
  });

  test("has a health view", async () => {
    const test = new TestRegistry();
    for (const id of ["a-1", "a-2", "a-3"]) await test.register({ id });
    test.health.set("a-1", { healthy: true });
    test.health.set("a-2", { healthy: false });
    expect(await test.call("GET /api/v1/health")).toMatchObject({
      status: 200,
      json: { status: "healthy", services: 1, instances: { total: 3, healthy: 1, unhealthy: 1, unknown: 1 } },
    });
  });

  test("refuses in problem details, each mistake at its field", async () => {
    const reply = await new TestRegistry().call(REGISTER, { id: "a", service: "a/b", address: "x", port: 0 });
    expect(reply.status).toBe(400);
    expect(reply.headers["content-type"]).toBe("application/problem+json");
    expect(reply.json).toMatchObject({ type: "about:blank", status: 400, code: "invalid_registration" });
    expect(reply.json["diagnostics"].map((one: { path: string }) => one.path)).toEqual(["service", "port"]);
  });

  test("asks whether an address may be used before anything is kept", async () => {
    const asked: unknown[] = [];
    const vet = async (one: unknown) => (asked.push(one), "link-local");
    const test = new TestRegistry({ vet });
    const reply = await test.register({ address: "169.254.169.254", port: 80 });
    expect(reply.status).toBe(403);
    expect(reply.json).toMatchObject({
      code: "address_forbidden",
      detail: "169.254.169.254:80 may not be registered: link-local",
    });
    expect(asked).toEqual([expect.objectContaining({ address: "169.254.169.254", port: 80, scheme: "http" })]);
    expect([test.ids, test.store.changes]).toEqual([[], []]);
  });

  const refusals: Array<[what: string, over: Record<string, unknown>, status: number, code: string]> = [
    ["an id of another service", { service: "b" }, 409, "instance_conflict"],
    ["a service that shadows our paths", { id: "x", service: "metrics" }, 409, "reserved_service"],
    ["one more than there is room for", { id: "x" }, 507, "registry_full"],
  ];
  for (const [what, over, status, code] of refusals) {
    test(`refuses ${what}`, async () => {
      const test = new TestRegistry({ limits: { maxInstances: 1, maxServices: 1 } });
      await test.register();
      const reply = await test.register(over);
      expect([reply.status, reply.json["code"]]).toEqual([status, code]);
    });
  }

  test("says that it is away when nothing can be stored", async () => {
    const test = new TestRegistry();
    test.store.apply = () => Promise.reject(new Error("/secret/path is full"));
    const reply = await test.register();
    expect([reply.status, reply.headers["retry-after"]]).toEqual([503, "5"]);
    expect(JSON.stringify(reply.json)).not.toContain("secret");
  });

  const strange: Array<[line: string, body: unknown, status: number]> = [
    ["DELETE /api/v1/services/deregister", undefined, 400],
    ["DELETE /api/v1/services/deregister?id=", undefined, 400],
    ["DELETE /api/v1/services/deregister?id=a&id=b", undefined, 400],
    ["DELETE /api/v1/services/deregister?id=a", { id: "b" }, 400],
    ["DELETE /api/v1/services/deregister?id=%00", undefined, 400],
    ["DELETE /api/v1/services/deregister?id=nobody", undefined, 404],
    ["DELETE /api/v1/services/deregister", { id: 7 }, 400],
    ["DELETE /api/v1/services/deregister", ["a"], 400],
    ["DELETE /api/v1/services/deregister", '{"__proto__":{"id":"a"}}', 400],
    ["PUT /api/v1/services/heartbeat", "nonsense", 400],
    [REGISTER, undefined, 400],
    [REGISTER, "null", 400],
    [REGISTER, "[".repeat(50_000), 400],
    [REGISTER, new Uint8Array(65_537).fill(0x20), 413],
    [REGISTER, '{"id":"a","service":"a","address":"b","port":1e999}', 400],
    [REGISTER, '{"id":"a","service":"a","address":"b","port":1,"metadata":{"constructor":{"prototype":1}}}', 400],
    ["GET /api/v1/services/register", undefined, 405],
    ["PATCH /api/v1/services", undefined, 405],
    ["constructor /api/v1/services", undefined, 405],
    ["GET /api/v1/else", undefined, 404],
  ];
  for (const [line, body, status] of strange) {
    const shown =
      body instanceof Uint8Array ? `${body.length} bytes` : (JSON.stringify(body) ?? "nothing").slice(0, 40);
    test(`answers ${status} to ${line} with ${shown}`, async () => {
      const reply = await new TestRegistry().call(line, body);
      expect([reply.status, reply.json["status"]]).toEqual([status, status]);
      expect(reply.headers["content-type"]).toBe("application/problem+json");
    });
  }

  test("names the methods there are", async () => {
    const reply = await new TestRegistry().call("GET /api/v1/services/deregister");
    expect(reply.headers["allow"]).toBe("DELETE, POST");
  });

  test("takes no compressed body", async () => {
    const body = Bun.gzipSync(JSON.stringify({ id: "a", service: "a", address: "b", port: 1 }));
    const reply = await new TestRegistry().call(REGISTER, body, { "content-encoding": "gzip" });
    expect(reply.json["detail"]).toContain("send the JSON as it is");
  });

  test("knows its own paths, and no others", () => {
    expect(isRegistryPath("/api/v1/services/register")).toBe(true);
    expect(isRegistryPath("/api/v1/services/register/")).toBe(false);
    expect(isRegistryPath("/api/routes")).toBe(false);
  });
});
