import type { Clock } from "../../../model/ports.ts";
import type { AddressVet } from "./address-vet.ts";
import { type Instance, RegistryRefusal, ttlOf } from "./instance.ts";
import { readJson } from "./json-body.ts";
import { readId, readRegistration } from "./registration.ts";
import { jsonReply, methodReply, notFoundReply, refusalReply, type RegistryReply } from "./registry-replies.ts";
import type { RunningRegistry } from "./running-registry.ts";

/** A request as either server has it: the admin listener, or a proxy listener that carries the registry. */
export interface RegistryRequest {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Whole; one byte over `MAX_BODY_BYTES` is enough to be refused. */
  readonly body: Uint8Array;
  readonly headers: { get(name: string): string | null | undefined };
  /** Who asks, for the audit log: the token's name or the client's address. */
  readonly actor: string;
}

export interface InstanceHealth {
  /** null: not known, and used. */
  readonly healthy: boolean | null;
  readonly reason?: string;
}

export interface RegistryApiParts {
  readonly registry: RunningRegistry;
  readonly vet: AddressVet;
  readonly healthOf: (instance: Instance) => InstanceHealth;
  readonly clock: Clock;
}

export type RegistryApi = (request: RegistryRequest) => Promise<RegistryReply>;

type Handler = (request: RegistryRequest, parts: RegistryApiParts) => RegistryReply | Promise<RegistryReply>;

const ROUTES: ReadonlyMap<string, Readonly<Record<string, Handler>>> = new Map<string, Record<string, Handler>>([
  ["/api/v1/services", { GET: list }],
  ["/api/v1/services/register", { POST: register }],
  ["/api/v1/services/heartbeat", { PUT: heartbeat, POST: heartbeat }],
  ["/api/v1/services/deregister", { DELETE: deregister, POST: deregister }],
  ["/api/v1/health", { GET: health }],
]);

/** Whether a path is the registry's, for a listener that carries other things too. */
export function isRegistryPath(path: string): boolean {
  return ROUTES.has(path);
}

/**
 * FluxGate's API over the registry. Who may call it, and from which pages, is for the server to say before. Bodies are JSON whatever
 * their Content-Type. What it throws is our own fault: refusals are replies.
 */
export function createRegistryApi(parts: RegistryApiParts): RegistryApi {
  return async (request) => {
    const methods = ROUTES.get(request.path);
    if (methods === undefined) return notFoundReply(request.path);
    const method = request.method === "HEAD" ? "GET" : request.method;
    if (!Object.hasOwn(methods, method)) return methodReply(Object.keys(methods));
    try {
      return await methods[method]!(request, parts);
    } catch (error) {
      if (error instanceof RegistryRefusal) return refusalReply(error);
      throw error;
    }
  };
}

function list({ query }: RegistryRequest, parts: RegistryApiParts): RegistryReply {
  const wanted = query.get("service");
  const byService = new Map<string, unknown[]>();
  let total = 0;
  for (const instance of parts.registry.registry.list()) {
    if (wanted !== null && instance.service !== wanted) continue;
    const instances = byService.get(instance.service) ?? [];
    byService.set(instance.service, instances);
    instances.push(viewOf(instance, parts));
    total++;
  }
  const services = [...byService].map(([service, instances]) => ({ service, instances }));
  return jsonReply(200, { services, total });
}

async function register(request: RegistryRequest, parts: RegistryApiParts): Promise<RegistryReply> {
  const { registration, ignored } = readRegistration(bodyOf(request));
  const forbidden = await parts.vet(registration);
  if (forbidden !== null) {
    const message = `${registration.address}:${registration.port} may not be registered: ${forbidden}`;
    throw new RegistryRefusal("address_forbidden", message, [{ path: "address", message: forbidden }]);
  }
  const { instance, outcome } = await parts.registry.register(registration, request.actor);
  const told = ignored.length === 0 ? {} : { ignored };
  return jsonReply(outcome === "registered" ? 201 : 200, {
    status: outcome,
    ...told,
    instance: viewOf(instance, parts),
  });
}

async function heartbeat(request: RegistryRequest, parts: RegistryApiParts): Promise<RegistryReply> {
  const instance = await parts.registry.heartbeat(idOf(request), request.actor);
  return jsonReply(200, { status: "ok", id: instance.id, ttlMs: ttlOf(instance) });
}

async function deregister(request: RegistryRequest, parts: RegistryApiParts): Promise<RegistryReply> {
  const { id, service } = await parts.registry.deregister(idOf(request), request.actor);
  return jsonReply(200, { status: "deregistered", id, service });
}

/** Of the registry and what is in it; an instance that fails its checks makes Sluice no worse. */
function health(_: RegistryRequest, parts: RegistryApiParts): RegistryReply {
  const { registry } = parts.registry;
  const instances = { total: registry.size, healthy: 0, unhealthy: 0, unknown: 0 };
  for (const instance of registry.list()) instances[wordFor(parts.healthOf(instance))]++;
  const timestamp = new Date(parts.clock.wall()).toISOString();
  return jsonReply(200, { status: "healthy", services: registry.serviceCount, instances, timestamp });
}

function bodyOf({ body, headers }: RegistryRequest): unknown {
  const coding = headers.get("content-encoding") ?? "";
  if (coding === "" || coding.toLowerCase() === "identity") return readJson(body);
  throw new RegistryRefusal("bad_request", "a compressed body is not taken: send the JSON as it is");
}

/** `?id=` or `{"id": …}`. */
function idOf(request: RegistryRequest): string {
  const asked = request.query.getAll("id");
  if (asked.length > 1) throw new RegistryRefusal("bad_request", "?id= stands there more than once");
  const body = request.body.byteLength === 0 ? undefined : bodyOf(request);
  const isRecord = typeof body === "object" && body !== null && Object.hasOwn(body, "id");
  const told: unknown = isRecord ? (body as { id: unknown }).id : undefined;
  if (asked.length === 1 && told !== undefined && told !== asked[0])
    throw new RegistryRefusal("bad_request", "?id= and the body name different instances");
  return readId(asked[0] ?? told);
}

function viewOf(instance: Instance, parts: RegistryApiParts): Readonly<Record<string, unknown>> {
  const { id, service, scheme, address, port, weight, metadata, registeredAt, updatedAt } = instance;
  const health = parts.healthOf(instance);
  return {
    ...{ id, service, scheme, address, port, weight, metadata },
    health: wordFor(health),
    ...(health.reason === undefined ? {} : { healthReason: health.reason }),
    ttlMs: ttlOf(instance),
    expiresInMs: parts.registry.registry.timeLeft(instance),
    registeredAt: new Date(registeredAt).toISOString(),
    updatedAt: new Date(updatedAt).toISOString(),
  };
}

function wordFor({ healthy }: InstanceHealth): "healthy" | "unhealthy" | "unknown" {
  if (healthy === null) return "unknown";
  return healthy ? "healthy" : "unhealthy";
}
