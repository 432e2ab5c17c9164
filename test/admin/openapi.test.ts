import { afterAll, beforeAll, expect, test } from "bun:test";
import { AdminSluice } from "./admin-sluice.ts";
import { lintOpenApi } from "./openapi-lint.ts";

let running: AdminSluice;
let text: string;

beforeAll(async () => {
  running = await AdminSluice.start();
  text = (await running.admin.get("/docs/json")).text;
});

afterAll(() => running?.[Symbol.asyncDispose]());

test("the OpenAPI document of the admin API has nothing that a strict linter minds", () => {
  expect(lintOpenApi(JSON.parse(text))).toEqual([]);
});

test("it tells of every operation that people hold on to", () => {
  const { paths } = JSON.parse(text) as { paths: Record<string, object> };
  const told = Object.entries(paths).flatMap(([path, item]) => Object.keys(item).map((method) => `${method} ${path}`));
  for (const operation of [
    "get /health",
    "get /health/live",
    "get /health/ready",
    "get /metrics",
    "get /prometheus/metrics",
    "get /api/metrics",
    "get /api/stream/metrics",
    "get /api/stream/alerts",
    ...["/api/routes", "/api/upstreams"].flatMap((path) => [
      `get ${path}`,
      `post ${path}`,
      `get ${path}/{id}`,
      `put ${path}/{id}`,
      `delete ${path}/{id}`,
    ]),
    "get /api/upstreams/{id}/health",
    "get /api/endpoints",
    "put /api/endpoints/{id}",
    "get /api/keys",
    "post /api/keys",
    "delete /api/keys/{id}",
    "get /api/audit",
    "get /api/logs",
    "get /api/workers",
    "get /api/config",
    "post /api/config/reload",
    "post /api/config/check",
    "get /api/explain",
    "get /api/plugins",
    "post /api/plugins/{name}/reload",
    "post /api/plugins/{name}/reset",
    "get /api/v1/services",
    "post /api/v1/services/register",
    "put /api/v1/services/heartbeat",
    "delete /api/v1/services/deregister",
    "get /api/v1/health",
    "get /api/v1/containers",
    "post /api/v1/containers",
    "post /api/v1/containers/{id}/stop",
    "post /api/v1/containers/{id}/start",
    "delete /api/v1/containers/{id}",
  ])
    expect(told).toContain(operation);
});

test("the schemas of writes are the configuration's own", () => {
  const { paths } = JSON.parse(text);
  const schema = paths["/api/routes"].post.requestBody.content["application/json"].schema;
  expect(Object.keys(schema.properties)).toEqual(
    expect.arrayContaining(["id", "path", "upstream", "rateLimit", "plugins"]),
  );
  expect(schema.additionalProperties).toBe(false);
});

/** Each of these is seen by the linter: it would be worth nothing otherwise. */
const MISTAKES: ReadonlyArray<readonly [string, (text: string) => string, string]> = [
  ["an old version", (t) => t.replace('"openapi":"3.1.0"', '"openapi":"3.0.3"'), "openapi"],
  ["nullable", (t) => t.replace('"type":["integer","null"]', '"type":"integer","nullable":true'), "nullable"],
  ["a reference to nothing", (t) => t.replace("#/components/schemas/Key", "#/components/schemas/Kay"), "can be read"],
  ["an id twice", (t) => t.replace('"operationId":"keyCreate"', '"operationId":"keyList"'), "operationId of its own"],
  [
    "a parameter that is not told",
    (t) => t.replace('"/api/keys/{id}"', '"/api/keys/{name}"'),
    "parameters of its path",
  ],
  ["no success", (t) => t.replace('"responses":{"200"', '"responses":{"302"'), "what success is"],
  ["a tag that nobody knows", (t) => t.replace('"tags":["observability"]', '"tags":["metrics"]'), "one tag"],
  ["a schema that says nothing", (t) => t.replace('"schema":{"type":"string"}', '"schema":{}'), "says something"],
  ["no description", (t) => t.replace('"description":"gone"', '"description":""'), "description"],
  ["a type that is none", (t) => t.replace('"type":"boolean"', '"type":"bool"'), "can be read"],
  ["a key that is none", (t) => t.replace('"summary":"Liveness"', '"summry":"Liveness"'), "has no key summry"],
  [
    "a component that nobody uses",
    (t) => t.replace('"schemas":{', '"schemas":{"Nobody":{"type":"string"},'),
    "is used",
  ],
];

test.each(MISTAKES)("the linter sees %s", (_, spoil, told) => {
  const { paths, ...document } = JSON.parse(text);
  // Some are enough, and read sooner than all.
  const few = ["/health", "/api/keys", "/api/keys/{id}"].map((path) => [path, paths[path]]);
  const short = JSON.stringify({ ...document, paths: Object.fromEntries(few) });
  const spoilt = spoil(short);
  expect(spoilt).not.toBe(short);
  expect(lintOpenApi(JSON.parse(spoilt)).join("\n")).toContain(told);
});
