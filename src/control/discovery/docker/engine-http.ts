import { DockerError, errorOfConnection, errorOfReply } from "./docker-error.ts";
import { isThisMachine, parseEngineAddress, type EngineAddress } from "./engine-address.ts";
import { jsonLines } from "./json-lines.ts";

/** PEM texts. */
export interface EngineTls {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  /** Default: the endpoint's host. */
  readonly serverName?: string;
}

export interface EngineRequest {
  readonly method?: "GET" | "POST" | "DELETE";
  /** With its leading slash, without the version. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Until the whole answer is there; of a stream, until it begins. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
}

const TIMEOUT_MS = 10_000;

/** HTTP with an engine: a pool of its own, deadlines, and errors that say what to do. */
export class EngineHttp {
  readonly address: EngineAddress;
  readonly #session: Bun.FetchSession;

  /** @throws Error for an endpoint that is none */
  constructor(endpoint: string, tls: EngineTls | null) {
    this.address = parseEngineAddress(endpoint, tls !== null);
    this.#session = new Bun.FetchSession({ unix: this.address.unix ?? undefined, tls: tlsOptions(this.address, tls) });
  }

  /** Whether the other side can vanish without a word. */
  get isRemote(): boolean {
    return !isThisMachine(this.address);
  }

  /** @returns the answer's JSON, or null where it has none @throws DockerError */
  async json(request: EngineRequest): Promise<unknown> {
    return this.#guarded(request, async (signal) => {
      const response = await this.#fetch(request, signal);
      const text = await response.text();
      // 304: what was asked for is so already.
      if (!response.ok && response.status !== 304) throw errorOfReply(response.status, nameOf(request), text);
      return text === "" ? null : parsed(text, request);
    });
  }

  /** @returns the answer's fields @throws DockerError */
  async headers(request: EngineRequest): Promise<Headers> {
    return this.#guarded(request, async (signal) => {
      const response = await this.#fetch(request, signal);
      const text = await response.text();
      if (!response.ok) throw errorOfReply(response.status, nameOf(request), text);
      return response.headers;
    });
  }

  /** @returns once the answer has begun: its values, one by one, until it ends or `signal` does @throws DockerError */
  async lines(request: EngineRequest): Promise<AsyncIterable<unknown>> {
    const response = await this.#guarded(request, async (signal) => {
      const begun = await this.#fetch(request, signal);
      if (!begun.ok) throw errorOfReply(begun.status, nameOf(request), await begun.text());
      return begun;
    });
    return this.#linesOf(response, request.signal);
  }

  /** Closes what is idle. */
  close(): void {
    this.#session.close();
  }

  async *#linesOf(response: Response, signal: AbortSignal | undefined): AsyncGenerator<unknown, void, undefined> {
    if (response.body === null) return;
    try {
      yield* jsonLines(response.body);
    } catch (error) {
      // Whoever aborts has no use for an error.
      if (signal?.aborted !== true) throw this.#failure(error);
    }
  }

  /** Ends what takes too long, and what nobody waits for any more. */
  async #guarded<T>(request: EngineRequest, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { timeoutMs = TIMEOUT_MS, signal } = request;
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), timeoutMs);
    try {
      return await work(signal === undefined ? late.signal : AbortSignal.any([signal, late.signal]));
    } catch (error) {
      if (signal?.aborted === true) throw new DockerError("unreachable", "given up: nobody waits for it any more");
      if (late.signal.aborted) throw new DockerError("timeout", `${nameOf(request)}: no answer within ${timeoutMs} ms`);
      throw this.#failure(error);
    } finally {
      clearTimeout(timer);
    }
  }

  #fetch({ method = "GET", path, query, body }: EngineRequest, signal: AbortSignal): Promise<Response> {
    const search = query === undefined ? "" : `?${new URLSearchParams(query)}`;
    const init: BunFetchRequestInit = {
      method,
      signal,
      redirect: "manual",
      proxy: false,
      // An engine where nothing happens says nothing.
      timeout: false,
      // What changes something is not sent twice, so not on a connection that may have been closed meanwhile either.
      keepalive: method === "GET",
    };
    if (body !== undefined) {
      init.body = JSON.stringify(body);
      init.headers = { "content-type": "application/json" };
    }
    return this.#session.fetch(`${this.address.origin}${path}${search}`, init);
  }

  readonly #failure = (error: unknown): DockerError => errorOfConnection(error, this.address.text, this.address.unix);
}

function nameOf({ method = "GET", path }: EngineRequest): string {
  return `${method} ${path}`;
}

function parsed(text: string, request: EngineRequest): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new DockerError("failed", `${nameOf(request)}: the answer is not JSON; is this a Docker engine?`, { cause });
  }
}

function tlsOptions(address: EngineAddress, tls: EngineTls | null): Bun.TLSOptions | undefined {
  if (!address.origin.startsWith("https:")) return undefined;
  const { ca, cert, key, serverName } = tls ?? {};
  return {
    rejectUnauthorized: true,
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(serverName === undefined ? {} : { serverName }),
  };
}
