import { afterAll, beforeAll, describe } from "bun:test";
import type { Edge } from "../contract/stage.ts";
import { freePort } from "../kit/free-port.ts";
import { ask, type FullReply, RawClient, type RequestParts } from "../kit/raw-client.ts";
import { type Behaviour, type OriginRequest, RawOrigin } from "../kit/raw-origin.ts";
import { type Config, Sluice } from "../kit/sluice.ts";

/** One upstream, what its endpoints do, and how it is configured. */
export interface SceneSpec {
  /** In the order in which they are asked; null: nobody listens there. */
  readonly endpoints: ReadonlyArray<Behaviour | null>;
  readonly upstream?: Config;
}

/** An upstream of its own behind a path of its own: what happens in one scene is not seen in another. */
export class Scene {
  readonly name: string;
  readonly origins: readonly RawOrigin[];
  readonly sluice: Sluice;

  constructor(name: string, origins: readonly RawOrigin[], sluice: Sluice) {
    this.name = name;
    this.origins = origins;
    this.sluice = sluice;
  }

  /** How many requests each origin got. */
  get counts(): number[] {
    return this.origins.map((origin) => origin.requests.length);
  }

  /** How many of those were no health checks. */
  get asked(): number[] {
    return this.origins.map(({ requests }) => requests.filter(({ target }) => target !== "/health").length);
  }

  ask(parts: RequestParts = {}): Promise<FullReply> {
    return ask(this.sluice.port, this.to(parts));
  }

  /** One after the other. */
  async askTimes(times: number, parts: RequestParts = {}): Promise<number[]> {
    const statuses: number[] = [];
    for (let i = 0; i < times; i++) statuses.push((await this.ask(parts)).status);
    return statuses;
  }

  /** A connection that has sent a request. */
  async sent(parts: RequestParts = {}): Promise<RawClient> {
    const client = await RawClient.connect(this.sluice.port);
    client.request(this.to(parts));
    return client;
  }

  to(parts: RequestParts): RequestParts {
    return { ...parts, target: `/${this.name}${parts.target ?? "/"}` };
  }

  /** The lines of the log about this scene with one message. */
  logged(message: string): Array<Record<string, unknown>> {
    const lines = this.sluice.process.stdout.split("\n").slice(0, -1);
    const all = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    return all.filter(({ msg, upstream }) => msg === message && upstream === this.name);
  }
}

/** One Sluice with all scenes of a test file. */
export class Theatre {
  readonly sluice: Sluice;
  readonly #scenes: ReadonlyMap<string, Scene>;

  private constructor(sluice: Sluice, scenes: ReadonlyMap<string, Scene>) {
    this.sluice = sluice;
    this.#scenes = scenes;
  }

  static async open(edge: Edge, specs: Readonly<Record<string, SceneSpec>>, config: Config = {}): Promise<Theatre> {
    const origins = new Map<string, RawOrigin[]>();
    const upstreams: Config[] = [];
    for (const [name, { endpoints, upstream }] of Object.entries(specs)) {
      const started: RawOrigin[] = [];
      const urls: Config[] = [];
      for (const behaviour of endpoints) {
        if (behaviour === null) {
          urls.push({ url: `http://127.0.0.1:${await freePort()}` });
          continue;
        }
        const origin = await RawOrigin.start(behaviour);
        started.push(origin);
        urls.push({ url: origin.url });
      }
      origins.set(name, started);
      // In order, so that a test knows who is asked first.
      upstreams.push({ name, endpoints: urls, balance: "failover", ...upstream });
    }
    const names = Object.keys(specs);
    const sluice = await Sluice.start((port) => ({
      listeners: [{ name: "web", host: "127.0.0.1", port, edge }],
      upstreams,
      routes: names.map((name) => ({ name, path: `/${name}/*`, upstream: name })),
      ...config,
    }));
    return new Theatre(sluice, new Map(names.map((name) => [name, new Scene(name, origins.get(name)!, sluice)])));
  }

  scene(name: string): Scene {
    return this.#scenes.get(name)!;
  }

  async close(): Promise<void> {
    await this.sluice.stop();
    for (const { origins } of this.#scenes.values()) for (const origin of origins) await origin.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** Registers the same tests for both edges, each with scenes and a Sluice of its own. */
export function onBothEdges<Name extends string>(
  specs: () => Readonly<Record<Name, SceneSpec>>,
  register: (scene: (name: Name) => Scene) => void,
): void {
  describe.each(["wire", "serve"] as const)("edge %s", (edge) => {
    let theatre: Theatre;
    beforeAll(async () => {
      theatre = await Theatre.open(edge, specs());
    });
    afterAll(() => theatre?.close());
    register((name) => theatre.scene(name));
  });
}

// ---- what endpoints do ----

const bodies = new WeakMap<OriginRequest, string>();

/** The body of a request that one of these behaviours has read. */
export function bodyOf(request: OriginRequest): string | undefined {
  return bodies.get(request);
}

async function read(request: OriginRequest): Promise<void> {
  bodies.set(request, (await request.body.all()).toString("latin1"));
}

/** Reads the request, then says who answered. */
export function says(body: string): Behaviour {
  return async (request) => {
    await read(request);
    request.reply({ body });
  };
}

export function status(code: number, fields: ReadonlyArray<readonly [string, string]> = []): Behaviour {
  return async (request) => {
    await read(request);
    request.reply({ status: code, fields, body: `status ${code}` });
  };
}

/** Takes the request whole, then resets the connection without a word of a reply. */
export const resets: Behaviour = async (request) => {
  await read(request);
  request.reset();
};

/** Takes the request and never answers. */
export const hangs: Behaviour = async (request) => {
  await read(request);
  await request.aborted;
};

export const garbage: Behaviour = async (request) => {
  await read(request);
  request.write("HTTP/1.1 abc Strange\r\n\r\n");
};
