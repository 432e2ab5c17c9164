import { DISCOVERY } from "./openapi-discovery.ts";
import { DRY_RUN, OPERATIONS, type Operation } from "./openapi-operations.ts";
import { list, ref, REPLIES } from "./openapi-replies.ts";

type Json = Record<string, unknown>;

/** What the document says as a whole. */
export const OPENAPI = {
  openapi: "3.1.0",
  info: {
    title: "Sluice admin API",
    version: "1",
    description:
      "Routes, upstreams and API keys that outlive restarts; what is going on; what was changed. Send `Authorization: Bearer TOKEN` with the token of `admin.token`; on loopback without one, ask by a loopback name. Failures are `application/problem+json`.",
    license: { name: "Apache-2.0", identifier: "Apache-2.0" },
  },
  servers: [{ url: "/" }],
  security: [{ token: [] }],
  tags: [
    {
      name: "configuration",
      description: "What is served. Changes take effect on every worker before they are answered.",
    },
    { name: "traffic", description: "Endpoints, plugins and workers as they are at the moment." },
    { name: "observability", description: "Health, metrics, streams, the audit log." },
    { name: "security", description: "API keys." },
    { name: "discovery", description: "Services that register themselves, and containers: 404 where they are not on." },
  ],
  paths: pathsOf(DISCOVERY),
  components: {
    securitySchemes: { token: { type: "http" as const, scheme: "bearer" } },
    schemas: REPLIES,
  },
};

const CONDITIONS = [
  condition("If-Match", "An `ETag`, or `*`: the change is for this revision, or for any that is there."),
  condition("If-None-Match", "`*`: only where there is none yet."),
];

function condition(name: string, description: string): Json {
  return { name, in: "header", description, required: false, schema: { type: "string" } };
}

/** What Elysia is told of an operation. */
export function operation(id: string): { detail: Json } {
  return { detail: described(id, OPERATIONS[id]!, []) };
}

/** Of what answers beside Elysia: `GET /api/v1/services`. */
function pathsOf(operations: Readonly<Record<string, Operation & { readonly at: string }>>): Record<string, Json> {
  const paths: Record<string, Json> = {};
  for (const [id, one] of Object.entries(operations)) {
    const [method = "", path = ""] = one.at.split(" ");
    const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!);
    paths[path] = { ...paths[path], [method.toLowerCase()]: described(id, one, names) };
  }
  return paths;
}

function described(id: string, one: Operation, names: readonly string[]): Json {
  const { summary, tag, body, query = {}, isOpen, fails = [] } = one;
  const bodyType = id === "config.check" ? "application/yaml" : "application/json";
  const conditions = fails.includes("412") ? CONDITIONS : [];
  return {
    operationId: id.replaceAll(/\.(\w)/g, (_, letter: string) => letter.toUpperCase()),
    summary,
    tags: [tag],
    ...(isOpen === true ? { security: [] } : {}),
    parameters: [
      ...names.map((name) => ({ name, in: "path", required: true, schema: { type: "string" } })),
      ...Object.entries(query).map(([name, description]) => ({
        name,
        in: "query",
        description,
        required: name === "url",
        schema: { type: "string" },
      })),
      ...conditions,
    ],
    ...(body === undefined ? {} : { requestBody: { required: true, content: { [bodyType]: { schema: body } } } }),
    responses: responsesOf(one),
  };
}

function responsesOf({ answers, reply, body, query, fails = [], isOpen }: Operation): Json {
  const failures = [
    ...(isOpen === true ? ["421"] : ["400", "401", "403", "421", "503"]),
    ...(body === undefined ? [] : ["413"]),
    ...fails,
  ];
  const problem = { "application/problem+json": { schema: ref("Problem") } };
  const dryRun = { "application/json": { schema: ref("DryRun") } };
  return {
    ...(query === DRY_RUN && !("200" in answers)
      ? { 200: { description: "it would work: nothing was done", content: dryRun } }
      : {}),
    ...Object.fromEntries(
      Object.entries(answers).map(([status, description]) => [
        status,
        said(description, reply, status === "200" && query === DRY_RUN),
      ]),
    ),
    ...Object.fromEntries(failures.map((status) => [status, { description: "refused", content: problem }])),
  };
}

function said(description: string, reply: Operation["reply"], isAlsoDry: boolean): Json {
  if (reply === null) return { description };
  if (typeof reply === "string" && reply.includes("/"))
    return { description, content: { [reply]: { schema: { type: "string" } } } };
  const schema = typeof reply === "string" ? ref(reply) : list(ref(reply[0]));
  const either = isAlsoDry ? { anyOf: [schema, ref("DryRun")] } : schema;
  return { description, content: { "application/json": { schema: either } } };
}
