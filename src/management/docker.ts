import { Redis } from "ioredis";
import { jsonBody } from "../control/admin/body.ts";
import { failureOf } from "../control/admin/failure.ts";
import { Problem, problem } from "../control/admin/problem.ts";
import type { DockerSettings } from "../control/config/build-docker.ts";
import { type AddressCache, cacheIn } from "../control/discovery/docker/address-cache.ts";
import { ContainerManager } from "../control/discovery/docker/container-manager.ts";
import { DockerClient } from "../control/discovery/docker/docker-client.ts";
import { DockerError } from "../control/discovery/docker/docker-error.ts";
import { DockerProvider } from "../control/discovery/docker/docker-provider.ts";
import type { Store } from "../control/store/store.ts";
import type { Logger } from "../observability/logger.ts";

export interface DockerParts {
  readonly settings: DockerSettings;
  /** Where addresses are kept for a start without an engine; null: nowhere. */
  readonly redisUrl: string | null;
  /** null: containers are not managed. */
  readonly store: Store | null;
  readonly log: Logger;
  /** Of the listener that people use. */
  readonly urlOf: (host: string) => string;
}

const CONTAINERS = /^\/api\/v1\/containers(?:\/([^/]+)(?:\/(start|stop))?)?\/?$/;
const CACHE_KEY = "sluice:discovery:docker";
const CACHE_MS = 1_000;

/** Containers of an engine: found, and, where that is wanted, managed. */
export class Docker {
  readonly provider: DockerProvider;
  readonly #manager: ContainerManager | null;
  readonly #store: Store | null;
  readonly #redis: Redis | null;
  readonly #log: Logger;

  constructor({ settings, redisUrl, store, log, urlOf }: DockerParts) {
    const { endpoint, tls, rules, reach, graceMs, management } = settings;
    const client = new DockerClient(endpoint, tls);
    this.#redis = redisUrl === null ? null : redisFor(redisUrl);
    this.provider = new DockerProvider({
      client,
      rules,
      reach,
      graceMs,
      cache: this.#redis === null ? null : cacheOf(this.#redis),
      onTrouble: (message) => log.warn({ provider: "docker" }, message),
    });
    this.#manager =
      management === null ? null : new ContainerManager({ client, rules, images: management.images, urlOf });
    this.#store = store;
    this.#log = log;
  }

  /** null: containers are only looked at. */
  get handle(): ((request: Request, actor: string) => Promise<Response>) | null {
    const manager = this.#manager;
    return manager === null ? null : (request, actor) => this.#answer(manager, request, actor);
  }

  stop(): void {
    this.#redis?.disconnect();
  }

  async #answer(manager: ContainerManager, request: Request, actor: string): Promise<Response> {
    const found = CONTAINERS.exec(new URL(request.url).pathname);
    if (found === null) return problem(404, "not_found");
    const [, id, verb] = found;
    try {
      const reply = await this.#act(manager, request, { id: id === undefined ? null : decodeURIComponent(id), verb });
      if (request.method !== "GET" && this.#store !== null) {
        const target = reply.target ?? id ?? "";
        await this.#store.record({ actor, action: `container.${reply.action}`, target, detail: reply.detail ?? {} });
      }
      return reply.response;
    } catch (error) {
      if (error instanceof URIError) return problem(400, "bad_request", { detail: "the id is not percent-encoded" });
      if (!(error instanceof DockerError))
        return failureOf(error, (err) => this.#log.error({ err }, "containers could not be managed"));
      return problem(error.status, error.kind.replaceAll("-", "_"), { detail: error.message });
    }
  }

  async #act(
    manager: ContainerManager,
    request: Request,
    { id, verb }: { id: string | null; verb: string | undefined },
  ): Promise<Acted> {
    const { method } = request;
    if (id === null && method === "GET") return { action: "list", response: Response.json(await manager.list()) };
    if (id === null && method === "POST") {
      const started = await manager.create(await jsonBody(request));
      const detail = { image: started.image, name: started.name };
      return { action: "create", target: started.name, detail, response: Response.json(started, { status: 201 }) };
    }
    if (id !== null && verb === "start" && method === "POST")
      return { action: "start", response: Response.json(await manager.start(id)) };
    if (id !== null && verb === "stop" && method === "POST") {
      await manager.stop(id);
      return { action: "stop", response: new Response(null, { status: 204 }) };
    }
    if (id !== null && verb === undefined && method === "DELETE") {
      await manager.remove(id);
      return { action: "remove", response: new Response(null, { status: 204 }) };
    }
    const allow = id === null ? "GET, POST" : verb === undefined ? "DELETE" : "POST";
    throw new Problem(405, "method_not_allowed", { detail: `${allow} only`, headers: { Allow: allow } });
  }
}

interface Acted {
  readonly action: string;
  readonly target?: string;
  readonly detail?: Readonly<Record<string, unknown>>;
  readonly response: Response;
}

/** Gives up soon: a start does not wait for a cache. */
function redisFor(url: string): Redis {
  const redis = new Redis(url, {
    lazyConnect: true,
    maxRetriesPerRequest: 0,
    connectTimeout: CACHE_MS,
    commandTimeout: CACHE_MS,
    retryStrategy: () => 5_000,
  });
  // What fails is told to whoever asked.
  redis.on("error", () => undefined);
  return redis;
}

function cacheOf(redis: Redis): AddressCache {
  return cacheIn({
    read: () => redis.get(CACHE_KEY),
    write: async (text) => void (await redis.set(CACHE_KEY, text)),
  });
}
