import { freePort } from "../kit/free-port.ts";
import { type Behaviour, RawOrigin } from "../kit/raw-origin.ts";
import { type Config, Sluice } from "../kit/sluice.ts";

/** A sluice on edge wire with one upstream, and the origins behind it. */
export class Stage {
  readonly sluice: Sluice;
  readonly origins: readonly RawOrigin[];

  private constructor(sluice: Sluice, origins: readonly RawOrigin[]) {
    this.sluice = sluice;
    this.origins = origins;
  }

  /** @param behaviours one for each endpoint in order; null: nobody listens there. */
  static async set(
    behaviours: ReadonlyArray<Behaviour | null>,
    upstream: Config = {},
    route: Config = {},
  ): Promise<Stage> {
    const origins: RawOrigin[] = [];
    const endpoints: Config[] = [];
    for (const behaviour of behaviours) {
      if (behaviour === null) {
        endpoints.push({ url: `http://127.0.0.1:${await freePort()}` });
        continue;
      }
      const origin = await RawOrigin.start(behaviour);
      origins.push(origin);
      endpoints.push({ url: origin.url });
    }
    const sluice = await Sluice.start({
      // In order, so that a test knows who is asked first.
      upstreams: [{ name: "up", endpoints, balance: "failover", ...upstream }],
      routes: [{ path: "/*", upstream: "up", ...route }],
    });
    return new Stage(sluice, origins);
  }

  get port(): number {
    return this.sluice.port;
  }

  /** How many requests each origin got. */
  get counts(): number[] {
    return this.origins.map((origin) => origin.requests.length);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.sluice.stop();
    for (const origin of this.origins) await origin.stop();
  }
}

/** Takes the request whole, then breaks the connection without a word of a reply. */
export const resetAfterRequest: Behaviour = async (request) => {
  await request.body.all();
  request.reset();
};

/** Takes the request and never answers. */
export const silent: Behaviour = () => new Promise<void>(() => undefined);
