import { RawOrigin } from "../kit/raw-origin.ts";
import { type Config, Sluice } from "../kit/sluice.ts";

export type Edge = "serve" | "wire";

/** One thing that holds on every edge. A skip names what the runtime forces on that edge; `docs/edges.md` lists the same. */
export interface ContractCase {
  readonly name: string;
  readonly skip?: Partial<Record<Edge, string>>;
  run(stage: Stage): Promise<void>;
}

/** A gateway under test: all a case needs to know of it. */
export interface Gateway {
  readonly port: number;
  /** All it has logged. */
  readonly log: string;
}

/** What a case plays on: an origin whose script it writes and a gateway before it. */
export interface Stage {
  readonly edge: Edge;
  readonly origin: RawOrigin;
  /** Of the plain gateway: one route for every path, to `origin`. */
  readonly port: number;
  /** A gateway with these keys over the plain configuration; the same keys give the same gateway. */
  gateway(config: Config): Promise<Gateway>;
}

/** The plain configuration: everything to one origin. */
export function plainConfig(edge: Edge, port: number, originUrl: string): Config {
  return {
    listeners: [{ name: "web", host: "127.0.0.1", port, edge }],
    upstreams: [{ name: "origin", url: originUrl }],
    routes: [{ path: "/*", upstream: "origin" }],
  };
}

/** Starts gateways when a case first asks for one and stops them all at the end. */
export class SluiceStage implements Stage {
  readonly edge: Edge;
  readonly origin: RawOrigin;
  readonly #gateways = new Map<string, Promise<Sluice>>();
  #plain: Sluice | null = null;

  private constructor(edge: Edge, origin: RawOrigin) {
    this.edge = edge;
    this.origin = origin;
  }

  static async open(edge: Edge): Promise<SluiceStage> {
    const stage = new SluiceStage(edge, await RawOrigin.start());
    stage.#plain = await stage.#start({});
    return stage;
  }

  get port(): number {
    return this.#plain!.port;
  }

  async gateway(config: Config): Promise<Gateway> {
    const sluice = await this.#start(config);
    return {
      port: sluice.port,
      get log() {
        return sluice.process.stdout;
      },
    };
  }

  async close(): Promise<void> {
    await this.origin.stop();
    for (const starting of this.#gateways.values()) {
      const sluice = await starting.catch(() => null);
      await sluice?.stop();
    }
  }

  #start(config: Config): Promise<Sluice> {
    const key = JSON.stringify(config);
    const known = this.#gateways.get(key);
    if (known !== undefined) return known;
    const starting = Sluice.start((port) => ({ ...plainConfig(this.edge, port, this.origin.url), ...config }));
    this.#gateways.set(key, starting);
    return starting;
  }
}
