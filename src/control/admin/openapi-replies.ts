type Json = Record<string, unknown>;

const TEXT: Json = { type: "string" };
const TEXTS: Json = { type: "array", items: TEXT };
const WHOLE: Json = { type: "integer" };
const FLAG: Json = { type: "boolean" };
const MAYBE_TEXT: Json = { type: ["string", "null"] };
const MAYBE_WHOLE: Json = { type: ["integer", "null"] };
const ANY_MAP: Json = { type: "object", additionalProperties: true };
const WHEN: Json = { type: "integer", description: "Milliseconds since 1970." };

/** What replies are made of, by name. Each has these properties at least. */
export const REPLIES = {
  Problem: shape(
    { type: TEXT, title: TEXT, status: WHOLE, code: TEXT },
    {
      detail: TEXT,
      errors: {
        type: "array",
        description: "As `sluice check` has them: where, what, and what to do.",
        items: ref("Diagnostic"),
      },
    },
  ),
  Diagnostic: shape(
    { file: TEXT, path: TEXT, message: TEXT, severity: { enum: ["error", "warning"] } },
    { line: WHOLE, column: WHOLE, hint: TEXT },
  ),
  DryRun: shape({ valid: { const: true }, warnings: TEXTS }),
  Health: shape({ status: { const: "UP" }, timestamp: { type: "string", format: "date-time" }, version: TEXT }),
  Readiness: shape({
    status: { enum: ["UP", "DOWN"] },
    checks: { type: "object", additionalProperties: { enum: ["UP", "DOWN"] } },
    timestamp: { type: "string", format: "date-time" },
  }),
  Route: shape(
    {
      id: TEXT,
      path: TEXT,
      hosts: TEXTS,
      methods: TEXTS,
      action: { enum: ["forward", "redirect", "respond"] },
      upstream: { type: ["string", "null"], description: "As it was written: a name, or an address." },
      enabled: FLAG,
      rateLimit: { anyOf: [shape({ requests: WHOLE, window: TEXT }), { type: "null" }] },
      circuitBreaker: shape({ enabled: FLAG, threshold: MAYBE_WHOLE }),
      origin: { type: "string", description: "`store`, `file:LINE:COLUMN`, or who found it." },
    },
    { upstreams: TEXTS, config: stored(), warnings: TEXTS },
  ),
  Upstream: shape(
    {
      id: TEXT,
      name: TEXT,
      protocol: TEXT,
      balance: TEXT,
      endpoints: list(shape({ url: TEXT, weight: WHOLE })),
      origin: TEXT,
    },
    { config: stored(), warnings: TEXTS },
  ),
  Endpoint: shape(
    {
      id: TEXT,
      upstream: TEXT,
      endpoint: TEXT,
      standing: TEXT,
      inFlight: WHOLE,
      weight: { type: ["integer", "null"], description: "null: it is no longer configured." },
      draining: FLAG,
      disagreement: { type: "boolean", description: "Workers differ; the most cautious one is shown." },
      reasons: list(shape({ by: TEXT, isGood: FLAG, text: TEXT })),
    },
    {},
  ),
  UpstreamHealth: shape({ upstream: TEXT, status: { enum: ["UP", "DOWN"] }, endpoints: list(ref("Endpoint")) }),
  Key: shape(
    { id: TEXT, name: TEXT, scopes: TEXTS, expires: MAYBE_TEXT, origin: { enum: ["file", "store"] } },
    { createdAt: WHEN },
  ),
  NewKey: shape(
    { id: TEXT, name: TEXT, key: { type: "string", description: "Shown here and never again." } },
    { scopes: TEXTS, expires: TEXT },
  ),
  Audit: shape({
    entries: list(shape({ id: WHOLE, at: WHEN, actor: TEXT, action: TEXT, target: TEXT, detail: ANY_MAP })),
    total: WHOLE,
    page: WHOLE,
    pageSize: WHOLE,
  }),
  Logs: shape({
    logs: list(
      shape({
        id: TEXT,
        timestamp: { type: "string", format: "date-time" },
        level: TEXT,
        message: TEXT,
        metadata: ANY_MAP,
      }),
    ),
    total: WHOLE,
    page: WHOLE,
    pageSize: WHOLE,
  }),
  Worker: shape(
    { number: WHOLE, pid: MAYBE_WHOLE, state: { enum: ["serving", "starting", "retiring"] } },
    { restarts: WHOLE, rssBytes: WHOLE, connections: WHOLE },
  ),
  Plugin: shape({
    name: TEXT,
    file: MAYBE_TEXT,
    hash: MAYBE_TEXT,
    loadedAt: MAYBE_WHOLE,
    error: MAYBE_TEXT,
  }),
  Configuration: shape({ version: WHOLE, config: ANY_MAP, discovery: ANY_MAP }),
  Reloaded: shape({ applied: FLAG, version: WHOLE, warnings: list(ref("Diagnostic")) }),
  Checked: shape({ ok: FLAG, errors: list(ref("Diagnostic")), warnings: list(ref("Diagnostic")) }),
  Explanation: shape(
    {
      request: ANY_MAP,
      route: MAYBE_TEXT,
      params: ANY_MAP,
      ambiguous: FLAG,
      action: TEXT,
      upstreams: list(ANY_MAP),
      plugins: list(ANY_MAP),
      routes: list(ANY_MAP),
    },
    {},
  ),
  Instance: shape(
    { id: TEXT, service: TEXT, address: TEXT, port: WHOLE, metadata: ANY_MAP, health: TEXT },
    { scheme: TEXT, weight: WHOLE, ttlMs: MAYBE_WHOLE, healthReason: TEXT },
  ),
  Services: shape({ services: list(shape({ service: TEXT, instances: list(ref("Instance")) })), total: WHOLE }),
  Registered: shape({ status: TEXT, instance: ref("Instance") }, { ignored: TEXTS }),
  Acknowledged: shape({ status: TEXT, id: TEXT }, { service: TEXT, ttlMs: MAYBE_WHOLE }),
  RegistryHealth: shape({ status: TEXT, services: WHOLE, instances: ANY_MAP }, { timestamp: TEXT }),
  Container: shape(
    { id: TEXT, name: TEXT, image: TEXT, state: TEXT, status: TEXT, createdAt: WHEN, isManaged: FLAG },
    { hosts: TEXTS, urls: TEXTS },
  ),
  Summary: shape(
    {
      summary: ANY_MAP,
      requestRate: ANY_MAP,
      statusCodes: list(shape({ code: WHOLE, count: WHOLE })),
    },
    {},
  ),
} as const;

export type ReplyName = keyof typeof REPLIES;

export function ref(name: string): Json {
  return { $ref: `#/components/schemas/${name}` };
}

export function list(items: Json): Json {
  return { type: "array", items };
}

function shape(required: Json, optional: Json = {}): Json {
  return { type: "object", required: Object.keys(required), properties: { ...required, ...optional } };
}

function stored(): Json {
  return { ...ANY_MAP, description: "As it is stored, secrets masked; what is in the file shows its effect only." };
}
