import type { Random } from "../../../model/ports.ts";
import type { Container } from "./container.ts";
import {
  isManaged,
  MANAGE,
  OUR_LABELS,
  viewOf,
  type ContainerView,
  type CreateStep,
  type StartedContainer,
} from "./container-view.ts";
import { containersToServices } from "./containers-to-services.ts";
import { readCreateRequest, type CreateRequest } from "./create-request.ts";
import type { DockerClient } from "./docker-client.ts";
import { DockerError } from "./docker-error.ts";
import { fieldsOf, textOf } from "./engine-json.ts";
import { friendlyName } from "./friendly-name.ts";
import { isImageAllowed } from "./image-reference.ts";
import type { DockerRules } from "./mapping-options.ts";
import { ownContainerName } from "./own-container.ts";
import { pullImage, type PullProgress } from "./pull-image.ts";

export interface ManagerOptions {
  readonly client: DockerClient;
  readonly rules: DockerRules;
  /** Images that may be started: `nginx`, `ghcr.io/acme/*`; null: any. */
  readonly images: readonly string[] | null;
  /** Where a host is answered for people. Default: `http://HOST/`. */
  readonly urlOf?: (host: string) => string;
  readonly ownName?: () => Promise<string | null>;
  readonly random?: Random;
  /** Of a whole pull. Default: 10 minutes. */
  readonly pullTimeoutMs?: number;
}

const STOP_SECONDS = 10;
const STOP_TIMEOUT_MS = (STOP_SECONDS + 20) * 1000;
const START_TIMEOUT_MS = 60_000;
const PULL_TIMEOUT_MS = 600_000;
/** Names are made up again where somebody has them. */
const NAME_TRIES = 8;
const ID_OR_NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/;

/** Starts, stops and removes containers: only those that it made, or that carry `sluice.manage=true`. All methods throw `DockerError`. */
export class ContainerManager {
  readonly #options: Required<ManagerOptions>;

  constructor(options: ManagerOptions) {
    this.#options = {
      urlOf: (host) => `http://${host}/`,
      ownName: ownContainerName,
      random: Math.random,
      pullTimeoutMs: PULL_TIMEOUT_MS,
      ...options,
    };
  }

  /** All of them, those that do not run, too; the newest first. */
  async list(): Promise<ContainerView[]> {
    const own = await this.#ownId();
    const all = await this.#options.client.list({ all: true });
    return all.map((summary) => viewOf(summary, own)).sort((a, b) => b.createdAt - a.createdAt);
  }

  /**
   * Pulls the image where it is missing, creates a container on the proxy's network and starts it; one that does not start is
   * removed again.
   * @param body see `CreateRequest`
   */
  async create(body: unknown, onStep: (step: CreateStep) => void = () => {}): Promise<StartedContainer> {
    const request = readCreateRequest(body);
    if (!isImageAllowed(request.image, this.#options.images))
      throw new DockerError("not-ours", `the image ${request.image.name} is none of those that may be started`);
    await this.#ensureImage(request, onStep);
    const id = await this.#createNamed(request, onStep);
    try {
      await this.#start(id);
    } catch (error) {
      await this.#remove(id).catch(() => {});
      throw asInvalid(error);
    }
    return this.#started(id);
  }

  async start(idOrName: string): Promise<StartedContainer> {
    const { id } = await this.#managed(idOrName);
    await this.#start(id);
    return this.#started(id);
  }

  async stop(idOrName: string): Promise<void> {
    const { id } = await this.#managed(idOrName);
    await this.#stop(id);
  }

  /** It has its time to stop before it is removed. */
  async remove(idOrName: string): Promise<void> {
    const { id } = await this.#managed(idOrName);
    await this.#stop(id);
    await this.#remove(id);
  }

  async #managed(idOrName: string): Promise<Container> {
    if (!ID_OR_NAME.test(idOrName)) throw new DockerError("invalid", "expected a container's id or name");
    const container = await this.#options.client.inspect(idOrName);
    if (container === null) throw new DockerError("not-found", `there is no container ${idOrName}`);
    if (isManaged(container, await this.#ownId())) return container;
    throw new DockerError("not-ours", `${container.name} was not made here and has no label ${MANAGE}=true`);
  }

  async #ensureImage({ image }: CreateRequest, onStep: (step: CreateStep) => void): Promise<void> {
    const { client, pullTimeoutMs } = this.#options;
    try {
      await client.call({ path: `/images/${image.text}/json` });
    } catch (error) {
      if (!(error instanceof DockerError) || error.kind !== "not-found") throw error;
      const tell = (progress: PullProgress | null) => onStep({ step: "pulling", image: image.text, progress });
      tell(null);
      await pullImage(client, image, tell, AbortSignal.timeout(pullTimeoutMs));
    }
  }

  async #createNamed(request: CreateRequest, onStep: (step: CreateStep) => void): Promise<string> {
    for (let tries = 1; ; tries++) {
      const name = request.name ?? friendlyName(this.#options.random);
      onStep({ step: "creating", name });
      try {
        const id = await this.#createAs(name, request);
        onStep({ step: "starting", name });
        return id;
      } catch (error) {
        const isTaken = error instanceof DockerError && error.kind === "conflict";
        if (!isTaken || request.name !== null || tries >= NAME_TRIES) throw asInvalid(error);
      }
    }
  }

  async #createAs(name: string, { image, port, env }: CreateRequest): Promise<string> {
    const network = this.#options.rules.network ?? (await this.#ownNetwork());
    const body = {
      Image: image.text,
      Env: Object.entries(env).map(([key, value]) => `${key}=${value}`),
      Labels: { ...OUR_LABELS, ...(port === null ? {} : { "sluice.port": `${port}` }) },
      // Nobody who may start a container here gets more of the machine than that.
      HostConfig: { SecurityOpt: ["no-new-privileges"], ...(network === null ? {} : { NetworkMode: network }) },
    };
    const raw = await this.#options.client.call({ method: "POST", path: "/containers/create", query: { name }, body });
    const id = textOf(fieldsOf(raw).Id);
    if (id === "") throw new DockerError("failed", "the engine made a container without an id");
    return id;
  }

  async #started(id: string): Promise<StartedContainer> {
    const { client, rules, urlOf } = this.#options;
    const container = await client.inspect(id);
    if (container === null) throw new DockerError("failed", "the container ended at once and was removed");
    const found = [{ container, isStopping: false, isGone: false }];
    const options = { ...rules, reach: { by: "network" as const, own: null }, ownId: null };
    const { services, rejected } = containersToServices(found, options);
    const hosts = services.flatMap(({ routes }) => routes.flatMap(({ host }) => (Array.isArray(host) ? host : [])));
    const ended = container.state === "exited" ? ["it has ended already; look at its log"] : [];
    return {
      ...viewOf({ ...container, status: container.state }, null),
      hosts,
      urls: hosts.map(urlOf),
      problems: [...rejected.map(({ reason }) => reason), ...ended],
    };
  }

  async #start(id: string): Promise<void> {
    await this.#post(id, "start", {}, START_TIMEOUT_MS);
  }

  async #stop(id: string): Promise<void> {
    await this.#post(id, "stop", { t: `${STOP_SECONDS}` }, STOP_TIMEOUT_MS);
  }

  async #post(id: string, verb: string, query: Record<string, string>, timeoutMs: number): Promise<void> {
    await this.#options.client.call({ method: "POST", path: `/containers/${id}/${verb}`, query, timeoutMs });
  }

  async #remove(id: string): Promise<void> {
    await this.#options.client.call({
      method: "DELETE",
      path: `/containers/${id}`,
      query: { force: "1" },
      timeoutMs: STOP_TIMEOUT_MS,
    });
  }

  async #own(): Promise<Container | null> {
    const name = await this.#options.ownName();
    return name === null ? null : this.#options.client.inspect(name);
  }

  async #ownId(): Promise<string | null> {
    return (await this.#own())?.id ?? null;
  }

  /** Where the proxy is; the default bridge needs no name. */
  async #ownNetwork(): Promise<string | null> {
    const own = await this.#own();
    return own?.networks.find(({ name }) => !["bridge", "host", "none"].includes(name))?.name ?? null;
  }
}

/** A network that is not there is the asker's mistake; 404 would mean the container. */
function asInvalid(error: unknown): unknown {
  return error instanceof DockerError && error.kind === "not-found" ? new DockerError("invalid", error.message) : error;
}
