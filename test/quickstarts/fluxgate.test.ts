import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../kit/free-port.ts";
import { ask } from "../kit/raw-client.ts";
import { RawOrigin } from "../kit/raw-origin.ts";
import { Sluice } from "../kit/sluice.ts";
import { parseStrictly } from "../metrics/strict-parser.ts";
import { curl } from "./curl.ts";

/** As FluxGate's users type them; ports stand for others. */
const REGISTER = `
curl -X POST http://localhost:8080/api/v1/services/register -H "Content-Type: application/json" \\
  -d '{"id": "my-api-1", "service": "my-api", "address": "localhost", "port": 8001}'`.trim();
const THROUGH =
  "curl http://localhost:8080/my-api/health                       # routed as /{service}/*; the service sees /health";
const REGISTER_V2 = `
curl -X POST http://localhost:8080/api/v1/services/register -d '{"id": "user-service-v2", "service": "user-service", "address": "10.0.1.100",
  "port": 8080, "metadata": {"version": "2.0", "weight": "2", "region": "us-west"}}'   # no Content-Type, numbers as strings`.trim();
const LIST = "curl http://localhost:8080/api/v1/services";
const HEALTH = "curl http://localhost:8080/api/v1/health";

let folder: string;
let sluice: Sluice;
let admin: number;
let origin: RawOrigin;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "sluice-test-"));
  origin = await RawOrigin.start((request) => request.reply({ body: `${request.method} ${request.target}` }));
  admin = await freePort();
  sluice = await Sluice.start((port) => ({
    listeners: [{ name: "web", host: "127.0.0.1", port }],
    admin: { port: admin },
    store: { url: `sqlite:${join(folder, "sluice.db")}` },
    // 10.0.1.100 is nobody's here, and no test speaks to the world.
    discovery: { registry: { listener: "web", checks: false } },
    logging: { access: "off" },
  }));
});

afterAll(async () => {
  await sluice?.stop();
  await origin.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Where management calls go: FluxGate has one port for all. */
describe.each(["the proxy's listener", "the admin listener"])("FluxGate's lines on %s", (where) => {
  const ports = () => ({ 8080: where.startsWith("the proxy") ? sluice.port : admin });
  const type = (line: string) => curl(line, ports());

  test("a service registers, and is routed as /{service}/* when the reply comes", async () => {
    const reply = await type(REGISTER.replace("8001", String(origin.port)));
    expect([reply.status, reply.json()]).toEqual([
      201,
      {
        status: "registered",
        instance: expect.objectContaining({
          id: "my-api-1",
          service: "my-api",
          address: "localhost",
          port: origin.port,
        }),
      },
    ]);
    expect((await curl(THROUGH, { 8080: sluice.port })).text).toBe("GET /health");
    const root = THROUGH.replace("/my-api/health", "/my-api");
    expect((await curl(root, { 8080: sluice.port })).text).toBe("GET /");
    expect((await curl(THROUGH.replace("/my-api/", "/my-apis/"), { 8080: sluice.port })).status).toBe(404);
  });

  test("without a Content-Type, and with numbers as text", async () => {
    const reply = await type(REGISTER_V2);
    expect(reply.status).toBe(201);
    expect(reply.json()["instance"]).toMatchObject({
      id: "user-service-v2",
      address: "10.0.1.100",
      port: 8080,
      weight: 2,
      metadata: { version: "2.0", weight: "2", region: "us-west" },
    });
  });

  test("services are listed with their instances, and health counts them", async () => {
    const listed = await type(LIST);
    expect(listed.header("content-type")).toBe("application/json");
    expect(listed.json()).toMatchObject({
      total: 2,
      services: [
        { service: "my-api", instances: [{ id: "my-api-1", health: "unknown" }] },
        { service: "user-service", instances: [{ id: "user-service-v2", weight: 2 }] },
      ],
    });
    expect((await type(HEALTH)).json()).toMatchObject({ status: "healthy", services: 2, instances: { total: 2 } });
  });

  test("an instance deregisters by its id, in the body or in the query, and its route is gone", async () => {
    const deregister = "curl -X DELETE http://localhost:8080/api/v1/services/deregister";
    const gone = await type(`${deregister} -d '{"id": "my-api-1"}'`);
    expect(gone.json()).toEqual({ status: "deregistered", id: "my-api-1", service: "my-api" });
    expect((await curl(THROUGH, { 8080: sluice.port })).status).toBe(404);
    expect((await type(`${deregister}?id=user-service-v2`)).status).toBe(200);
    expect((await type(LIST)).json()).toEqual({ services: [], total: 0 });
    expect((await type(`${deregister}?id=user-service-v2`)).status).toBe(404);
  });
});

test("Prometheus finds its page at /metrics, with what went to a service under the service's name", async () => {
  await curl(REGISTER.replace("8001", String(origin.port)), { 8080: sluice.port });
  await curl(THROUGH, { 8080: sluice.port });
  const page = await curl("curl http://localhost:9000/metrics", { 9000: admin });
  expect(page.header("content-type")).toStartWith("text/plain; version=0.0.4");
  const requests = parseStrictly(page.text, "text").find(({ name }) => name === "http_requests_total");
  const routes = requests!.samples.map(({ labels }) => labels["route"]);
  expect(routes).toContain("my-api@registry");
});

test("the proxy's listener carries the registry and nothing else of the admin API", async () => {
  for (const target of ["/metrics", "/api/routes", "/api/config", "/docs", "/api/v1/containers", "/health"])
    expect([target, (await ask(sluice.port, { target })).status]).toEqual([target, 404]);
});
