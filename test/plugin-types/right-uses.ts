/** What must compile: the contract used as its page says. */
import { definePlugin, t, type Identity, type Plugin, type Transform } from "sluice";
import { testPlugin } from "sluice/testing";

export const accounts = definePlugin({
  name: "accounts",
  config: t.Object({
    ttl: t.Duration({ default: 5000 }),
    directory: t.Upstream(),
    key: t.Optional(t.Secret()),
    mode: t.Union([t.Literal("strict"), t.Literal("lax")], { default: "lax" }),
  }),
  provides: { user: null as { id: string; roles: string[] } | null },
  limits: { timeoutMs: 200 },
  onError: "continue",
  bodyOptions: { decode: true, limitBytes: 10 },
  async setup({ config, cache, fetch, kv, metrics, every, signal, log }) {
    const ttlMs: number = config.ttl;
    const key: string | undefined = config.key;
    const mode: "strict" | "lax" = config.mode;
    const found = metrics.counter("found");
    every(1000, async (tick) => void (tick.aborted || signal.aborted || log.info("tick", { mode, key })));
    return {
      async request(ctx) {
        const reply = await cache.get(ctx.host, () => fetch(`upstream://${config.directory}/x`), { ttlMs });
        const count: number = await kv.incr("n", { ttlMs });
        const last = await kv.get<{ at: number }>("last");
        const at: number | undefined = last?.at;
        found.inc(count, { at: String(at) });
        ctx.state.user = { id: reply.url, roles: [] };
        ctx.identity = { id: "ann", by: "accounts", scopes: ["read"], claims: { level: 1 } };
        if (!reply.ok) return ctx.problem("plugin:unknown_account", { status: 403, detail: "who are you?" });
        if (ctx.path === "/private") return ctx.problem("no_healthy_endpoint");
        if (ctx.cookies.has("old")) ctx.cookies.delete("old", { path: "/" });
      },
      log(ctx) {
        const bytes: number = ctx.replyBytes + ctx.requestBytes + ctx.attempts;
        log.debug(ctx.reply.source, { bytes });
      },
    };
  },
});

export const roles = definePlugin({
  name: "roles",
  config: t.Object({ role: t.String() }),
  needs: accounts.provides,
  provides: { isAdmin: false },
  setup: ({ config }) => ({
    request(ctx) {
      const names: readonly string[] = ctx.state.user?.roles ?? [];
      ctx.state.isAdmin = names.includes(config.role);
      const { id }: Identity = ctx.identity ?? { id: "", by: "nobody" };
      ctx.upstream = ctx.state.isAdmin ? "admin" : ctx.upstream;
      return id === "" ? new Response("no", { status: 403 }) : undefined;
    },
    response(ctx) {
      const isAdmin: boolean | undefined = ctx.state.isAdmin;
      ctx.reply.headers.set("X-Admin", String(isAdmin));
      ctx.reply.status = 202;
    },
    error: (ctx) => (ctx.error.attempts > 1 ? ctx.respond(503, "later") : undefined),
  }),
});

const upperCase: Transform = { chunk: (bytes, push) => push(bytes), end: (push) => push(new Uint8Array(1)) };

/** Every phase, and both ways to transform. */
export const everything: Plugin = definePlugin({
  name: "everything",
  config: t.Object({}),
  setup() {
    if (Math.random() > 2) return {};
    return {
      route: (ctx) => void (ctx.path = `/v2${ctx.path}`),
      async request(ctx) {
        const body = await ctx.body?.json<{ n: number }>();
        if (body !== undefined) ctx.body?.replace(JSON.stringify({ n: body.n + 1 }));
      },
      upstream: (ctx) => (ctx.attempt > 3 ? ctx.respond(503) : undefined),
      send: (ctx) => ctx.outgoing.headers.set("Signature", `${ctx.outgoing.method} ${ctx.endpoint}`),
      response: () => undefined,
      error: async () => {},
      log: async (ctx) => void ctx.waitUntil(Promise.resolve()),
      requestBody: (ctx) => (ctx.method === "PUT" ? upperCase : undefined),
      responseBody: () => new TransformStream<Uint8Array, Uint8Array>(),
    };
  },
});

export async function tested(): Promise<number> {
  await using kit = await testPlugin(roles, {
    config: { role: "admin" },
    state: { user: null },
    identity: { id: "ann", by: "test" },
    upstream: (request) => new Response(request.url),
    fetch: async () => new Response(null),
  });
  await kit.clock.advance(10);
  const reply: Response = await kit.request("/x", { method: "POST", body: "x", headers: { a: "b" } });
  return reply.status + kit.upstream.requests.length + (kit.metrics.found ?? 0);
}
