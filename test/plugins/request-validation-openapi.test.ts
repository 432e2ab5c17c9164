import { describe, expect, test } from "bun:test";
import { stringify } from "yaml";
import { testPlugin } from "sluice/testing";
import requestValidation from "../../plugins/request-validation/index.ts";
import { tempFolder, writeIn } from "../config/config-files.ts";

const start = (openapi: unknown, config: object = {}, upstream?: (request: Request) => Response) =>
  testPlugin(requestValidation, { config: { openapi, ...config }, ...(upstream && { upstream }) });
type Started = Awaited<ReturnType<typeof start>>;

const node = {
  type: "object",
  required: ["id", "name"],
  properties: {
    id: { type: "integer", readOnly: true },
    name: { type: "string", nullable: true },
    secret: { type: "string", writeOnly: true },
    score: { type: "number", minimum: 0, exclusiveMinimum: true },
    children: { type: "array", items: { $ref: "#/components/schemas/Node" } },
  },
};

const api = {
  openapi: "3.0.3",
  info: { title: "t", version: "1" },
  servers: [{ url: "https://api.example.com/{v}", variables: { v: { default: "v1" } } }],
  paths: {
    "/nodes": {
      post: {
        requestBody: { $ref: "#/components/requestBodies/Node" },
        responses: { "2XX": { content: { "application/json": { schema: { $ref: "#/components/schemas/Node" } } } } },
      },
    },
    "/nodes/{id}": {
      parameters: [{ name: "id", in: "path", required: true, schema: { type: "integer" } }],
      get: {
        parameters: [
          { name: "fields", in: "query", explode: false, schema: { type: "array", items: { enum: ["a", "b"] } } },
          {
            name: "filter",
            in: "query",
            style: "deepObject",
            schema: { type: "object", properties: { min: { type: "integer" } } },
          },
          { name: "X-Tenant", in: "header", required: true, schema: { type: "string", minLength: 2 } },
          { name: "session", in: "cookie", schema: { type: "string", pattern: "^s" } },
          { name: "where", in: "query", content: { "application/json": { schema: { type: "object" } } } },
        ],
      },
    },
    "/nodes/first": { get: {} },
    "/files/{name}.{kind}": {
      put: { requestBody: { required: true, content: { "image/*": { schema: { type: "string" } } } } },
    },
  },
  components: {
    schemas: { Node: node },
    requestBodies: {
      Node: { required: true, content: { "application/json": { schema: { $ref: "#/components/schemas/Node" } } } },
    },
  },
};

async function ask(
  t: Started,
  method: string,
  target: string,
  request: { body?: unknown; headers?: Record<string, string> } = {},
) {
  const body = request.body === undefined ? null : JSON.stringify(request.body);
  const headers = { ...(body === null ? {} : { "content-type": "application/json" }), ...request.headers };
  const reply = await t.request(target, { method, body, headers });
  const text = await reply.text();
  return reply.status === 200 ? "200" : `${reply.status} ${(JSON.parse(text) as { detail?: string }).detail}`;
}

const headers = { "x-tenant": "acme" };

describe("an operation", () => {
  test("is found by method and path, the server's path in front, concrete ones first", async () => {
    await using t = await start(api);
    expect(await ask(t, "GET", "/v1/nodes/7", { headers })).toBe("200");
    expect(await ask(t, "HEAD", "/v1/nodes/first")).toBe("200");
    expect(await ask(t, "GET", "/v1/nodes/first")).toBe("200");
    expect(await ask(t, "GET", "/nodes/7", { headers })).toBe("404 The API has no such path.");
    expect(await ask(t, "GET", "/v1/nodes/7/", { headers })).toStartWith("404");
    const reply = await t.request("/v1/nodes/7", { method: "DELETE" });
    expect([reply.status, reply.headers.get("allow")]).toEqual([405, "GET"]);
  });

  test("that is unknown passes where the configuration says so", async () => {
    await using t = await start(api, { unknown: "pass", basePath: "/api/" });
    expect(await ask(t, "GET", "/elsewhere")).toBe("200");
    expect(await ask(t, "GET", "/api/nodes/x", { headers })).toBe("400 path/id must be integer");
  });

  test("says what its parameters are, wherever they stand", async () => {
    await using t = await start(api);
    const get = (target: string, more: Record<string, string> = headers) => ask(t, "GET", target, { headers: more });
    expect(await get("/v1/nodes/7?fields=a,b&filter[min]=3&where=%7B%7D")).toBe("200");
    expect(await get("/v1/nodes/x")).toBe("400 path/id must be integer");
    expect(await get("/v1/nodes/7?fields=a,c")).toStartWith("400 query/fields/1 must be equal");
    expect(await get("/v1/nodes/7?filter[min]=x")).toBe("400 query/filter/min must be integer");
    expect(await get("/v1/nodes/7?where=%7B")).toBe("400 query/where must be object");
    expect(await get("/v1/nodes/7", {})).toBe("400 header must have required property 'x-tenant'");
    expect(await get("/v1/nodes/7", { ...headers, cookie: "session=x" })).toBe(
      '400 cookie/session must match pattern "^s"',
    );
  });

  test("says what its body is: types that are not read here by their type", async () => {
    await using t = await start(api);
    const put = (type: string) =>
      t.request("/v1/files/a.png", { method: "PUT", body: new Uint8Array([255]), headers: { "content-type": type } });
    expect((await put("image/png")).status).toBe(200);
    expect((await put("text/html")).status).toBe(415);
    expect(await ask(t, "PUT", "/v1/files/a.png")).toBe("400 body is required");
  });
});

describe("schemas of OpenAPI 3.0", () => {
  test("hold themselves, take null, exclude bounds, and do not ask for what is read-only", async () => {
    await using t = await start(api);
    const post = (body: unknown) => ask(t, "POST", "/v1/nodes", { body });
    expect(await post({ name: null, score: 1, children: [{ name: "b", children: [] }] })).toBe("200");
    expect(await post({ name: "a", children: [{ name: "b", children: [{}] }] })).toBe(
      "400 body/children/0/children/0 must have required property 'name'",
    );
    expect(await post({ name: "a", score: 0 })).toBe("400 body/score must be > 0");
  });

  test("ask replies for what is read-only", async () => {
    await using t = await start(api, { responses: "log" }, () => Response.json({ name: "a" }));
    await ask(t, "POST", "/v1/nodes", { body: { name: "a" } });
    expect(t.logs).toMatchObject([{ level: "warn", mistakes: ["reply must have required property 'id'"] }]);
  });
});

test("OpenAPI 3.1 is JSON Schema as it is", async () => {
  const schema = {
    type: ["object", "null"],
    properties: { n: { exclusiveMinimum: 0, $ref: "#/components/schemas/N" } },
    unevaluatedProperties: false,
  };
  const paths = { "/": { post: { requestBody: { content: { "application/json": { schema } } } } } };
  await using t = await start({ openapi: "3.1.0", paths, components: { schemas: { N: { type: "integer" } } } });
  expect(await ask(t, "POST", "/", { body: null })).toBe("200");
  expect(await ask(t, "POST", "/", { body: { n: 1 } })).toBe("200");
  expect(await ask(t, "POST", "/", { body: { n: 0 } })).toBe("400 body/n must be > 0");
  expect(await ask(t, "POST", "/", { body: { m: 0 } })).toStartWith("400 body must NOT have unevaluated properties");
  expect(await ask(t, "POST", "/")).toBe("200");
});

test("a document may be a file, YAML or JSON", async () => {
  const folder = tempFolder();
  for (const [name, text] of [
    ["api.yaml", stringify(api)],
    ["api.json", JSON.stringify(api)],
  ] as const) {
    await using t = await start(writeIn(folder, name, text));
    expect(await ask(t, "POST", "/v1/nodes", { body: { name: 1 } })).toStartWith("400 body/name must be");
  }
});

test("a document that cannot be used is refused with the reason", async () => {
  const withSchema = (schema: unknown) => ({
    openapi: "3.1.0",
    paths: { "/": { post: { requestBody: { content: { "application/json": { schema } } } } } },
  });
  await expect(start("/nowhere/api.yaml")).rejects.toThrow("openapi: cannot read /nowhere/api.yaml: ENOENT");
  await expect(start({ swagger: "2.0" })).rejects.toThrow('version "2.0" is not known; 3.0 and 3.1 are');
  await expect(start({ openapi: "3.1.0" })).rejects.toThrow("has no paths");
  await expect(start(withSchema({ $ref: "other.yaml#/X" }))).rejects.toThrow("bundle the document into one file");
  await expect(start(withSchema({ $ref: "#/components/schemas/X" }))).rejects.toThrow("leads nowhere");
  await expect(start(withSchema({ type: "strng" }))).rejects.toThrow(
    "POST / body application/json is no valid JSON Schema",
  );
  await expect(start({ openapi: "3.1.0", paths: { "/": { $ref: "#/paths/~1" } } })).rejects.toThrow("refers to itself");
  await expect(start(api, { body: true })).rejects.toThrow("schemas or openapi, not both");
});
