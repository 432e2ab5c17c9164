import { swagger } from "@elysiajs/swagger";
import { Elysia } from "elysia";
import type { AdminPorts, Handler } from "./admin-ports.ts";
import { audit, logs } from "./audit.ts";
import { jsonBody, yamlBody } from "./body.ts";
import { check, explain, reload, shownConfig } from "./configuration.ts";
import { ConfigObjects, type ObjectShape } from "./config-objects.ts";
import { type Assets, docsFile, docsPage } from "./docs-page.ts";
import { EndpointsResource } from "./endpoints.ts";
import { failureOf } from "./failure.ts";
import { actorOf, type AdminApp, Front } from "./front.ts";
import { Guard, type GuardSettings } from "./guard.ts";
import { live, ready } from "./health.ts";
import { KeysResource } from "./keys.ts";
import { MethodTable } from "./method-table.ts";
import { OPENAPI, operation } from "./openapi.ts";
import { PluginsResource } from "./plugins.ts";
import type { WriteContext } from "./preconditions.ts";
import { Problem, problem } from "./problem.ts";
import { ROUTES } from "./shown-routes.ts";
import { UPSTREAMS } from "./shown-upstreams.ts";

export type { AdminApp } from "./front.ts";

export interface AdminAppParts {
  readonly ports: AdminPorts;
  readonly guard: GuardSettings;
  readonly assets: Assets;
  /** Of our own faults; what clients see says nothing of them. */
  readonly failed: (error: unknown) => void;
}

/** Reads no body: each resource reads its own, whatever Content-Type says. */
const RAW = { parse: "none" } as const;

export function createAdminApp({ ports, guard, assets, failed }: AdminAppParts): AdminApp {
  const app = new Elysia({ name: "sluice-admin" })
    .use(swagger({ path: REFERENCE, specPath: "/docs/json", documentation: OPENAPI, exclude: /^\/docs/ }))
    .onError(({ error }) => failureOf(error, failed))
    .use(observing(ports))
    .use(configObjects(ports, ROUTES))
    .use(configObjects(ports, UPSTREAMS))
    .use(operating(ports))
    .get("/docs", () => docsPage())
    .get("/docs/:file", ({ params }) => docsFile(params.file, assets) ?? problem(404, "not_found"));
  return new Front({
    guard: new Guard(guard),
    methods: new MethodTable(app.routes.filter(({ path }) => path !== REFERENCE)),
    resources: (request) => app.handle(request),
    own: (path) => ownPart(path, ports),
    failed,
  });
}

/** The page that @elysiajs/swagger makes loads from the internet; ours stands at `/docs`. */
const REFERENCE = "/docs/json/reference";

function ownPart(path: string, { registry, containers }: AdminPorts): Handler | null | undefined {
  if (/^\/api\/v1\/containers(?:\/|$)/.test(path)) return containers;
  return path.startsWith("/api/v1/") ? registry : undefined;
}

/** As it was meant. @throws Problem */
function idIn({ id, name }: { readonly id?: string | null; readonly name?: string | null }): string {
  // What is no percent-encoding is null here.
  const given = id ?? name ?? null;
  if (given !== null) return given;
  throw new Problem(400, "bad_request", { detail: 'in a path, "%" is followed by two hex digits of UTF-8' });
}

function contextOf(request: Request): WriteContext {
  return {
    actor: actorOf(request),
    dryRun: isDryRun(queryOf(request).get("dryRun")),
    ifMatch: request.headers.get("if-match"),
    ifNoneMatch: request.headers.get("if-none-match"),
  };
}

/** Never guessed: who meant a dry run must not get a wet one. @throws Problem */
function isDryRun(text: string | null): boolean {
  if (text === null || text === "0" || text === "false") return false;
  if (text === "" || text === "1" || text === "true") return true;
  throw new Problem(400, "bad_request", { detail: `dryRun is 1 or 0, not ${JSON.stringify(text)}` });
}

function queryOf(request: Request): URLSearchParams {
  return new URL(request.url).searchParams;
}

function configObjects(ports: AdminPorts, shape: ObjectShape) {
  const objects = new ConfigObjects(ports, shape);
  const { path, kind } = shape;
  return new Elysia({ name: `sluice-admin-${kind}` })
    .get(path, () => objects.list(), operation(`${kind}.list`))
    .get(`${path}/:id`, ({ params }) => objects.get(idIn(params)), operation(`${kind}.get`))
    .post(path, async ({ request }) => objects.create(await jsonBody(request), contextOf(request)), {
      ...RAW,
      ...operation(`${kind}.create`),
    })
    .put(
      `${path}/:id`,
      async ({ request, params }) => objects.replace(idIn(params), await jsonBody(request), contextOf(request)),
      { ...RAW, ...operation(`${kind}.replace`) },
    )
    .delete(`${path}/:id`, ({ request, params }) => objects.remove(idIn(params), contextOf(request)), {
      ...RAW,
      ...operation(`${kind}.delete`),
    });
}

function observing(ports: AdminPorts) {
  const metrics = (request: Request, legacy: boolean) => {
    const { contentType, body } = ports.exposition(request.headers.get("accept") ?? "", legacy);
    return new Response(streamOf(body), { headers: { "Content-Type": contentType } });
  };
  const stream = (request: Request, kind: "metrics" | "alerts") =>
    ports.stream(kind, request.headers.get("last-event-id")) ??
    problem(503, "overloaded", { detail: "too many clients follow this stream", headers: { "Retry-After": "5" } });
  return new Elysia({ name: "sluice-admin-observing" })
    .get("/health", () => live(ports), operation("health"))
    .get("/health/live", () => live(ports), operation("health.live"))
    .get("/health/ready", () => ready(ports), operation("health.ready"))
    .get("/metrics", ({ request }) => metrics(request, false), operation("metrics"))
    .get("/prometheus/metrics", ({ request }) => metrics(request, true), operation("metrics.prometheus"))
    .get("/api/metrics", async () => Response.json(await ports.summary()), operation("metrics.summary"))
    .get("/api/stream/metrics", ({ request }) => stream(request, "metrics"), operation("stream.metrics"))
    .get("/api/stream/alerts", ({ request }) => stream(request, "alerts"), operation("stream.alerts"));
}

function operating(ports: AdminPorts) {
  const endpoints = new EndpointsResource(ports);
  const keys = new KeysResource(ports);
  const plugins = new PluginsResource(ports);
  return new Elysia({ name: "sluice-admin-operating" })
    .get("/api/upstreams/:id/health", ({ params }) => endpoints.ofUpstream(idIn(params)), operation("upstream.health"))
    .get("/api/endpoints", () => endpoints.list(), operation("endpoint.list"))
    .put(
      "/api/endpoints/:id",
      async ({ request, params }) => endpoints.order(idIn(params), await jsonBody(request), contextOf(request)),
      { ...RAW, ...operation("endpoint.order") },
    )
    .get("/api/keys", () => keys.list(), operation("key.list"))
    .post("/api/keys", async ({ request }) => keys.create(await jsonBody(request), contextOf(request)), {
      ...RAW,
      ...operation("key.create"),
    })
    .delete("/api/keys/:id", ({ request, params }) => keys.remove(idIn(params), contextOf(request)), {
      ...RAW,
      ...operation("key.delete"),
    })
    .get("/api/audit", ({ request }) => audit(ports, queryOf(request)), operation("audit"))
    .get("/api/logs", ({ request }) => logs(ports, queryOf(request)), operation("logs"))
    .get("/api/workers", () => Response.json(ports.workers), operation("workers"))
    .get("/api/config", () => shownConfig(ports), operation("config"))
    .post(
      "/api/config/reload",
      ({ request }) => reload(ports, { actor: actorOf(request), action: "config.reload", target: "config" }),
      {
        ...RAW,
        ...operation("config.reload"),
      },
    )
    .post("/api/config/check", async ({ request }) => check(ports, await yamlBody(request)), {
      ...RAW,
      ...operation("config.check"),
    })
    .get("/api/explain", ({ request }) => explain(ports, queryOf(request)), operation("explain"))
    .get("/api/plugins", () => plugins.list(), operation("plugin.list"))
    .post("/api/plugins/:name/reload", ({ request, params }) => plugins.reload(idIn(params), actorOf(request)), {
      ...RAW,
      ...operation("plugin.reload"),
    })
    .post("/api/plugins/:name/reset", ({ request, params }) => plugins.reset(idIn(params), actorOf(request)), {
      ...RAW,
      ...operation("plugin.reset"),
    });
}

function streamOf(pieces: AsyncIterable<string>): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const iterator = pieces[Symbol.asyncIterator]();
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await iterator.next();
      if (done === true) controller.close();
      else controller.enqueue(encoder.encode(value));
    },
    async cancel() {
      await iterator.return?.();
    },
  });
}
