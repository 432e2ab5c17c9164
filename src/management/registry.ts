import type { EndpointVerdict } from "../proxy/upstream/health/health-registry.ts";
import type { RegistrySettings } from "../control/config/build-discovery.ts";
import { createAddressVet } from "../control/discovery/registry/address-vet.ts";
import { discoveredServices } from "../control/discovery/registry/discovered-services.ts";
import type { Instance } from "../control/discovery/registry/instance.ts";
import { MAX_BODY_BYTES } from "../control/discovery/registry/json-body.ts";
import { leadsToOurs } from "../proxy/upstream/own-addresses.ts";
import {
  createRegistryApi,
  type InstanceHealth,
  type RegistryApi,
} from "../control/discovery/registry/registry-api.ts";
import { RegistryProvider } from "../control/discovery/registry/registry-provider.ts";
import { StoredRegistrations } from "../control/discovery/registry/registry-store.ts";
import { RunningRegistry } from "../control/discovery/registry/running-registry.ts";
import { ServiceRegistry } from "../control/discovery/registry/service-registry.ts";
import { applyOrders } from "../control/store/endpoint-orders.ts";
import type { Store, StoredObject } from "../control/store/store.ts";
import type { EndpointSpec } from "../model/snapshot-spec.ts";
import type { Logger } from "../observability/logger.ts";
import { DialGuard } from "../proxy/upstream/dial-guard.ts";
import { endpointId } from "../proxy/upstream/endpoint.ts";
import type { Proxied } from "./proxied.ts";

export interface RegistryParts {
  readonly settings: RegistrySettings;
  readonly store: Store;
  readonly proxied: Proxied;
  /** Our own admin listeners. */
  readonly ours: () => ReadonlyArray<{ host: string; port: number }>;
  /** Was a service left out of what is served? */
  readonly leftOut: () => boolean;
  /** What operators say of endpoints. */
  readonly orders: () => readonly StoredObject[];
}

/** A reply waits so long for what it says to be served. */
const SERVED_MS = 1_000;
const CLOCK = { now: () => performance.now(), wall: () => Date.now() };

/** Services that register themselves: what they say is kept, and becomes configuration. */
export class Registry {
  readonly provider: RegistryProvider;
  readonly #parts: RegistryParts;
  readonly #running: RunningRegistry;
  readonly #api: RegistryApi;

  private constructor(running: RunningRegistry, parts: RegistryParts) {
    const { settings, proxied, ours } = parts;
    this.#parts = parts;
    this.#running = running;
    this.provider = new RegistryProvider(running, settings.routes);
    this.#api = createRegistryApi({
      registry: running,
      vet: (registration) => {
        const { spec } = proxied;
        const guard = new DialGuard(spec.blockedIPs, spec.allowedHosts, CLOCK.now);
        return createAddressVet({ guard, isOurs: leadsToOurs(ours()) })(registration);
      },
      healthOf: (instance) => healthOf(instance, proxied.verdicts),
      clock: CLOCK,
    });
  }

  static async open(parts: RegistryParts): Promise<Registry> {
    const { log } = parts.proxied;
    const running = new RunningRegistry({
      registry: new ServiceRegistry(CLOCK, parts.settings.limits),
      store: new StoredRegistrations(parts.store),
      onFailure: (what, err) => log.error({ err }, what),
    });
    tellUnreadable(await running.start(), log);
    return new Registry(running, parts);
  }

  /** @param actor who asks, for the audit log */
  async handle(request: Request, actor: string): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    const bytes = await bodyUpTo(request, MAX_BODY_BYTES + 1);
    const { method, headers } = request;
    const reply = await this.#api({ method, path: pathname, query: searchParams, body: bytes, headers, actor });
    const service = reply.status < 300 && method !== "GET" ? serviceIn(reply.body) : null;
    if (service !== null) await this.#served(service);
    return new Response(reply.body, { status: reply.status, headers: { ...reply.headers } });
  }

  /** Whoever registers may send requests at once; one who cannot be served hears of it where services are listed. */
  async #served(service: string): Promise<void> {
    const { proxied } = this.#parts;
    const late = Bun.sleep(SERVED_MS).then(() => "late" as const);
    while (!this.#isServed(service)) if ((await Promise.race([proxied.nextVersion, late])) === "late") return;
  }

  /** Is what is registered of a service what is served of it? What was left out is not waited for. */
  #isServed(service: string): boolean {
    const { proxied, leftOut } = this.#parts;
    const wanted = this.#wanted(service);
    for (const { name, endpoints } of proxied.spec.upstreams) {
      // One that is gone may stay without endpoints, for routes that name it.
      const isMeant = wanted.has(name) || name === `${service}@registry`;
      if (isMeant && (wanted.get(name) ?? "") !== wordsFor(endpoints)) return false;
      wanted.delete(name);
    }
    return wanted.size === 0 || leftOut();
  }

  /** What upstreams of a service are to be when all that is registered now is served. */
  #wanted(service: string): Map<string, string> {
    const { settings, orders } = this.#parts;
    const all = this.#running.registry.list();
    const others = new Set(all.map((instance) => instance.service)).difference(new Set([service]));
    const members = all.filter((instance) => instance.service === service);
    // A version whose name is another service's is left out.
    const services = discoveredServices(members, settings.routes).services.filter(({ name }) => !others.has(name));
    const upstreams = services.map(({ name, endpoints }) => {
      return { name: `${name}@registry`, endpoints: endpoints.map((endpoint) => ({ ...endpoint, basePath: "" })) };
    });
    return new Map(
      applyOrders({ upstreams }, orders()).upstreams.map(({ name, endpoints }) => [name, wordsFor(endpoints)]),
    );
  }

  stop(): void {
    this.#running.stop();
  }
}

/** The one that a reply tells a change of. */
function serviceIn(body: string): string | null {
  const { service, instance } = JSON.parse(body) as { service?: string; instance?: { service: string } };
  return instance?.service ?? service ?? null;
}

function tellUnreadable(unreadable: readonly string[], log: Logger): void {
  for (const one of unreadable)
    log.error({ registration: one }, "a stored registration cannot be read, and is left out");
}

/** Which addresses there are, and their shares. */
function wordsFor(endpoints: readonly EndpointSpec[]): string {
  return endpoints.map((endpoint) => `${endpointId(endpoint)} ${endpoint.weight}`).join();
}

function idOf({ scheme, address, port }: Pick<Instance, "scheme" | "address" | "port">): string {
  return endpointId({ scheme, host: address, port, weight: 1, basePath: "" });
}

function healthOf({ service, scheme, address, port }: Instance, verdicts: readonly EndpointVerdict[]): InstanceHealth {
  const id = idOf({ scheme, address, port });
  const found = verdicts.find(({ upstream, endpoint }) => upstream === `${service}@registry` && endpoint === id);
  return found === undefined ? { healthy: null } : { healthy: found.healthy, reason: found.reason };
}

/** Stops reading at `limit`: who sends more is refused for it. */
async function bodyUpTo(request: Request, limit: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body ?? []) {
    chunks.push(chunk);
    size += chunk.byteLength;
    if (size >= limit) break;
  }
  return Buffer.concat(chunks).subarray(0, limit);
}
