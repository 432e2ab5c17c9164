import { afterAll, beforeAll, expect, test } from "bun:test";
import type { ValidateFunction } from "ajv";
import fc from "fast-check";
import { AdminSluice, pong, READ_ONLY, TOKEN } from "./admin-sluice.ts";
import { type FuzzOperation, operationsOf, requestsOf, type Words } from "./openapi-requests.ts";
import { Schemas } from "./openapi-lint.ts";

/** Of each operation. */
const REQUESTS = 32;
/** Another one finds others: FUZZ_SEED=… */
const SEED = Number(process.env.FUZZ_SEED ?? 20_260_601);
const SECRET = "a-word-that-nobody-may-see";

const WORDS: Words = {
  ids: ["written", "shop", "mine", "other", "one", "basic-auth", "a%20b", "shop@registry"],
  texts: [
    "/x",
    "/x/*",
    "/x/:id",
    "GET",
    "shop",
    "http://127.0.0.1:9",
    "5s",
    "10mb",
    "name:value",
    "x",
    "",
    "127.0.0.1",
    "\u0000",
    "é",
  ],
  bodies: {
    "/api/routes": ['{"path":"/x","respond":{"body":"x"}}', '{"path":"/y/*","upstream":"shop"}'],
    "/api/upstreams": ['{"url":"http://127.0.0.1:9"}', '{"name":"x","url":"http://127.0.0.1:9"}'],
    "/api/keys": ['{"name":"x"}', '{"name":"y","scopes":["read"]}'],
    "/api/endpoints": ['{"draining":true}', '{"weight":3}'],
    "/api/v1/services": ['{"id":"i","service":"s","address":"127.0.0.1","port":9}', '{"id":"i"}'],
  },
};

let running: AdminSluice;
let schemas: Schemas;
let operations: FuzzOperation[];

beforeAll(async () => {
  running = await AdminSluice.start(
    {
      upstreams: [{ name: "shop", url: "http://127.0.0.1:9" }],
      routes: [
        { name: "written", ...pong("/written"), plugins: [{ use: "basic-auth", with: { users: { alice: SECRET } } }] },
        { path: "/shop/*", upstream: "shop" },
      ],
      security: { auth: { type: "apiKey", keys: [{ name: "k", key: SECRET }] } },
      discovery: { registry: {} },
    },
    { token: TOKEN, readOnlyToken: READ_ONLY },
  );
  const document = (await running.admin.get("/docs/json")).json;
  schemas = new Schemas(document);
  // What never ends has no reply to look at.
  const isEndless = ({ described }: FuzzOperation) => JSON.stringify(described).includes("text/event-stream");
  operations = operationsOf(document).filter((operation) => !isEndless(operation));
});

afterAll(() => running?.[Symbol.asyncDispose]());

const compiled = new Map<string, ValidateFunction>();

function validatorOf(schema: unknown): ValidateFunction {
  const key = JSON.stringify(schema);
  const known = compiled.get(key) ?? schemas.compile(schema);
  compiled.set(key, known);
  return known;
}

/** What is not as the document says; null: all is. */
function faultOf(
  { described }: FuzzOperation,
  reply: { status: number; text: string; json: unknown; type: string },
): string | null {
  const { status, text, json, type } = reply;
  for (const secret of [SECRET, TOKEN, READ_ONLY]) if (text.includes(secret)) return "tells a secret";
  if (/\n\s+at \S+ \(/.test(text)) return "tells of the inside";
  const said = (described.responses as Record<string, { content?: Record<string, { schema: unknown }> }>)[
    String(status)
  ];
  // A path that an id has made another one.
  if (said === undefined) return [404, 405].includes(status) ? null : "is not told of";
  if (said.content === undefined) return text === "" ? null : "has a body";
  const content = Object.entries(said.content).find(([known]) => type.startsWith(known));
  if (content === undefined) return `is ${type}`;
  if (!content[0].includes("json")) return null;
  const isValid = validatorOf(content[1].schema);
  return isValid(json) ? null : `is not what its schema says: ${JSON.stringify(isValid.errors)}`;
}

test("requests made from the OpenAPI document find no fault, no leak, and nothing that it does not tell of", async () => {
  const faults: string[] = [];
  const seen = new Map<string, Set<number>>();
  for (const operation of operations) {
    const requests = fc.sample(requestsOf(operation, WORDS), { numRuns: REQUESTS, seed: SEED });
    const statuses = new Set<number>();
    seen.set(operation.id, statuses);
    for (const { method, target, headers, body } of requests) {
      const reply = await running.admin.ask(method, target, { headers, body });
      statuses.add(reply.status);
      const fault = faultOf(operation, { ...reply, type: reply.headers.get("content-type") ?? "" });
      if (fault !== null)
        faults.push(`${method} ${target} ${body ?? ""} ${JSON.stringify(headers)}: ${reply.status} ${fault}`);
    }
  }
  expect(faults).toEqual([]);
  expect(running.sluice.process.running).toBe(true);
  expect(running.sluice.timesLogged("the admin API failed")).toBe(0);
  expect((await running.admin.get("/health/live")).json.status).toBe("UP");
  // It would find nothing if it got no further than the door.
  const writes = ["routeCreate", "routeReplace", "upstreamReplace", "keyCreate", "routeDelete", "serviceRegister"];
  const done = writes.filter((id) => [...seen.get(id)!].some((status) => status < 300));
  expect(done.length).toBeGreaterThan(writes.length / 2);
}, 60_000);
