import { expect, test } from "bun:test";
import fc from "fast-check";
import {
  discoveredServices,
  parseVersionSplit,
  REGISTRY_ROUTES,
} from "../../src/control/discovery/registry/discovered-services.ts";
import { TestRegistry } from "./registry-kit.ts";

const LINES = [
  "POST /api/v1/services/register",
  "PUT /api/v1/services/heartbeat",
  "DELETE /api/v1/services/deregister",
  "GET /api/v1/services",
  "GET /api/v1/health",
];
const STATUSES = [200, 201, 400, 404, 405, 409, 413, 507];

/** Now and then what it should be, so that what follows is reached. */
const often = (good: unknown) =>
  fc.oneof({ weight: 3, arbitrary: fc.constant(good) }, fc.jsonValue({ maxDepth: 2 }), fc.string());

const body = fc.record(
  {
    id: fc.oneof(fc.constantFrom("a", "b", "c"), often("x")),
    service: fc.oneof(fc.constantFrom("s", "t", "api", "__proto__", "constructor"), often("x")),
    address: fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain(), often("h")),
    port: fc.oneof(fc.integer(), often(80)),
    metadata: fc.oneof(
      fc.dictionary(fc.constantFrom("weight", "version", "scheme", "health", "__proto__", "x"), often("1")),
      often({}),
    ),
    ttl: fc.oneof(fc.string(), often("30s")),
    __proto__: fc.jsonValue(),
  },
  { requiredKeys: [] },
);

const NAME = /^[A-Za-z0-9._-]{1,100}$/;

test("whatever is sent to the registry is answered, and what it takes can be routed", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.tuple(fc.constantFrom(...LINES), fc.oneof(body, fc.json(), fc.uint8Array(), fc.constant(undefined))),
        { maxLength: 12 },
      ),
      async (requests) => {
        const registry = new TestRegistry({ limits: { maxInstances: 5, maxServices: 3 } });
        for (const [line, sent] of requests) {
          const { status, json } = await registry.call(line, sent);
          expect(STATUSES).toContain(status);
          if (status >= 400) expect(json["status"]).toBe(status);
        }
        const instances = registry.running.registry.list();
        const splitByVersion = parseVersionSplit("header:X-Version");
        const { services } = discoveredServices(instances, { ...REGISTRY_ROUTES, splitByVersion });
        expect(new Set(services.map(({ name }) => name)).size).toBe(services.length);
        for (const { name } of services) expect(name).toMatch(NAME);
      },
    ),
    { numRuns: 150 },
  );
});
