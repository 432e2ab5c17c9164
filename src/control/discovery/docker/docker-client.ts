import { readContainer, type Container } from "./container.ts";
import { readSummary, type ContainerSummary } from "./container-summary.ts";
import { DockerError } from "./docker-error.ts";
import { EngineHttp, type EngineRequest, type EngineTls } from "./engine-http.ts";
import { EVENT_FILTERS, readEvent, type EngineEvent } from "./engine-event.ts";
import { fieldsOf, listOf, textOf } from "./engine-json.ts";

/** The versions of the engine's API that Sluice was written for. */
const OLDEST = "1.24";
const NEWEST = "1.47";

/** What an engine says of itself. */
export interface EngineFacts {
  /** `20.10.24`, or empty where we may not ask. */
  readonly version: string;
  /** In a virtual machine (Docker Desktop) or without root: its networks cannot be reached from outside. */
  readonly isSealed: boolean;
}

/** A Docker engine, by its HTTP API: no more of it than Sluice needs. Every method throws `DockerError`. */
export class DockerClient {
  readonly http: EngineHttp;
  #version: string | null = null;

  /** @throws Error for an endpoint that is none */
  constructor(endpoint: string, tls: EngineTls | null = null) {
    this.http = new EngineHttp(endpoint, tls);
  }

  /**
   * Asks whether it is there and which version of the API both know; an engine may be replaced by another one while it is away.
   * @returns its time, to the second, in seconds since the epoch
   */
  async ping(signal?: AbortSignal): Promise<number> {
    const headers = await this.http.headers({ path: "/_ping", timeoutMs: 3000, signal });
    this.#version = agreed(headers.get("api-version") ?? "", this.http.address.text);
    return Math.floor(Date.parse(headers.get("date") ?? "") / 1000) || 0;
  }

  /** Socket proxies often keep `/info` to themselves: then nothing is known. */
  async facts(signal?: AbortSignal): Promise<EngineFacts> {
    try {
      const info = fieldsOf(await this.call({ path: "/info", signal }));
      const security = listOf(info.SecurityOptions).map(textOf);
      const isDesktop = textOf(info.OperatingSystem).includes("Docker Desktop");
      const isSealed = isDesktop || security.some((option) => option.includes("name=rootless"));
      return { version: textOf(info.ServerVersion), isSealed };
    } catch (error) {
      if (error instanceof DockerError && error.kind === "unreachable") throw error;
      return { version: "", isSealed: false };
    }
  }

  /** Those that run, paused and restarting ones included; with `all` the others, too. */
  async list({ all = false, signal }: { all?: boolean; signal?: AbortSignal } = {}): Promise<ContainerSummary[]> {
    const raw = await this.call({ path: "/containers/json", query: all ? { all: "1" } : {}, signal });
    return listOf(raw)
      .map(readSummary)
      .filter((summary) => summary !== null);
  }

  /** @param idOrName null: it is not there */
  async inspect(idOrName: string, signal?: AbortSignal): Promise<Container | null> {
    try {
      const raw = await this.call({ path: `/containers/${encodeURIComponent(idOrName)}/json`, signal });
      const container = readContainer(raw);
      if (container === null)
        throw new DockerError("failed", `what the engine says of container ${idOrName} makes no sense`);
      return container;
    } catch (error) {
      if (error instanceof DockerError && error.kind === "not-found") return null;
      throw error;
    }
  }

  /**
   * What happens to containers from `since` on (the engine's seconds). The promise is kept when the engine has begun to tell; the
   * stream ends when the engine does, or `signal`.
   */
  async events(since: number, signal: AbortSignal): Promise<AsyncIterable<EngineEvent>> {
    const query = { since: `${since}`, filters: JSON.stringify(EVENT_FILTERS) };
    const lines = await this.http.lines({ path: await this.#versioned("/events", signal), query, signal });
    return eventsOf(lines);
  }

  /** Anything else, under the version agreed on. @returns the answer's JSON */
  async call(request: EngineRequest): Promise<unknown> {
    return this.http.json({ ...request, path: await this.#versioned(request.path, request.signal) });
  }

  /** The same for an answer that comes line by line. */
  async stream(request: EngineRequest): Promise<AsyncIterable<unknown>> {
    return this.http.lines({ ...request, path: await this.#versioned(request.path, request.signal) });
  }

  close(): void {
    this.http.close();
  }

  async #versioned(path: string, signal: AbortSignal | undefined): Promise<string> {
    if (this.#version === null) await this.ping(signal);
    return `/v${this.#version}${path}`;
  }
}

async function* eventsOf(lines: AsyncIterable<unknown>): AsyncGenerator<EngineEvent, void, undefined> {
  for await (const line of lines) {
    const event = readEvent(line);
    if (event !== null) yield event;
  }
}

function agreed(theirs: string, where: string): string {
  if (!/^\d{1,3}\.\d{1,3}$/.test(theirs))
    throw new DockerError("failed", `what answers at ${where} does not speak as a Docker engine does`);
  if (rank(theirs) < rank(OLDEST))
    throw new DockerError(
      "failed",
      `the engine at ${where} speaks API ${theirs}; Sluice needs ${OLDEST} (Docker 1.12)`,
    );
  return rank(theirs) < rank(NEWEST) ? theirs : NEWEST;
}

function rank(version: string): number {
  const [major, minor] = version.split(".").map(Number);
  return major! * 1000 + minor!;
}
