import { expect, test } from "bun:test";
import type { TSchema } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import * as schema from "../../src/control/discovery/registry/registry-schema.ts";
import { type Called, TestRegistry } from "./registry-kit.ts";

/** What stands in the reply and not in the schema is a mistake, too. */
function expectToBe(shape: TSchema, { json }: Called): void {
  expect([...Value.Errors(shape, json)]).toEqual([]);
  expect(Value.Clean(shape, structuredClone(json))).toEqual(json);
}

test("the registry's replies are what its schema says", async () => {
  const registry = new TestRegistry();
  const metadata = { version: "2.0", weight: "2" };
  expectToBe(schema.RegisteredView, await registry.register({ metadata, ttl: "30s", tags: [] }));
  expectToBe(schema.RegisteredView, await registry.register({ id: "a-2" }));
  registry.health.set("a-1", { healthy: false, reason: "connection refused" });
  expectToBe(schema.ServicesView, await registry.call("GET /api/v1/services"));
  expectToBe(schema.HeartbeatView, await registry.call("PUT /api/v1/services/heartbeat?id=a-2"));
  expectToBe(schema.RegistryHealthView, await registry.call("GET /api/v1/health"));
  expectToBe(schema.DeregisteredView, await registry.call("DELETE /api/v1/services/deregister?id=a-1"));
  expectToBe(schema.RegistryProblem, await registry.call("DELETE /api/v1/services/deregister?id=a-1"));
  expectToBe(schema.RegistryProblem, await registry.register({ ttl: 30 }));
});

test("what the registry takes is what its schema says", async () => {
  const bodies: Array<[body: Record<string, unknown>, isGood: boolean]> = [
    [{ id: "my-api-1", service: "my-api", address: "localhost", port: 8001 }, true],
    [
      {
        id: "b",
        service: "b",
        address: "10.0.1.100",
        port: "8080",
        metadata: { weight: "2", n: 1, on: true },
        ttl: "5s",
      },
      true,
    ],
    [{ id: "c", service: "c", address: "c", port: 1, ttl: null }, true],
    [{ id: "d/e", service: "d", address: "d", port: 1 }, false],
    [{ id: "d", service: "d/e", address: "d", port: 1 }, false],
    [{ id: "d", service: "d", address: "", port: 1 }, false],
    [{ id: "d", service: "d", address: "d", port: 0 }, false],
    [{ id: "d", service: "d", address: "d", port: "x" }, false],
    [{ id: "d", service: "d", address: "d", port: 1, ttl: 30 }, false],
    [{ id: "d", service: "d", address: "d", port: 1, metadata: { a: {} } }, false],
    [{ id: "d", service: "d", address: "d" }, false],
  ];
  for (const [body, isGood] of bodies) {
    const { status } = await new TestRegistry().call("POST /api/v1/services/register", body);
    expect([body, Value.Check(schema.RegistrationBody, body), status]).toEqual([body, isGood, isGood ? 201 : 400]);
  }
});
