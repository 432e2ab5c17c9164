import type { Clock, Random } from "../../../model/ports.ts";
import { laterByTimer, type Later } from "../later.ts";
import type { PartialConfig, Provider, ProviderState } from "../provider.ts";
import type { AddressCache } from "./address-cache.ts";
import type { ReachSetting } from "./choose-reach.ts";
import type { DockerClient } from "./docker-client.ts";
import { DockerWatch } from "./docker-watch.ts";
import type { DockerRules } from "./mapping-options.ts";
import { ownContainerName } from "./own-container.ts";

export interface DockerProviderOptions {
  readonly client: DockerClient;
  readonly rules: DockerRules;
  /** Default: `auto`. */
  readonly reach?: ReachSetting;
  /** How long a service is known whose containers are all gone: they may be on their way back. Default: 30 s. */
  readonly graceMs?: number;
  /** For starts without an engine. Default: none. */
  readonly cache?: AddressCache | null;
  /** Hears once of an engine, or a cache, that begins to fail. */
  readonly onTrouble?: (message: string) => void;
  readonly ownName?: () => Promise<string | null>;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly later?: Later;
}

export const GRACE_MS = 30_000;

/** The running containers of a Docker engine, as it tells of them. */
export class DockerProvider implements Provider {
  readonly name = "docker";
  readonly #options: DockerProviderOptions;
  #state: ProviderState;

  constructor(options: DockerProviderOptions) {
    this.#options = options;
    this.#state = { up: false, detail: `connecting to ${options.client.http.address.text}` };
  }

  get state(): ProviderState {
    return this.#state;
  }

  watch(signal: AbortSignal): AsyncIterable<PartialConfig> {
    const watch = new DockerWatch({
      reach: "auto",
      graceMs: GRACE_MS,
      cache: null,
      onTrouble: () => {},
      ownName: ownContainerName,
      clock: { now: () => performance.now(), wall: () => Date.now() },
      random: Math.random,
      later: laterByTimer,
      ...this.#options,
      onState: (state) => {
        this.#state = state;
      },
    });
    void watch.run(signal);
    return watch.latest.read(signal);
  }
}
