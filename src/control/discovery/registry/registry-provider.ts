import { laterByTimer, type Later } from "../later.ts";
import type { PartialConfig, Provider, ProviderState } from "../provider.ts";
import { discoveredServices, REGISTRY_ROUTES, type RegistryRoutes } from "./discovered-services.ts";
import type { RunningRegistry } from "./running-registry.ts";

/** Each time all services are told: a burst of registrations is told of this often at most, a single one at once. */
const PAUSE_MS = 5;

/** Registered services as configuration. A reload with other `routes` makes another one over the same registry. */
export class RegistryProvider implements Provider {
  readonly name = "registry";
  readonly #registry: RunningRegistry;
  readonly #routes: RegistryRoutes;
  readonly #later: Later;

  constructor(registry: RunningRegistry, routes: RegistryRoutes = REGISTRY_ROUTES, later: Later = laterByTimer) {
    this.#registry = registry;
    this.#routes = routes;
    this.#later = later;
  }

  get state(): ProviderState {
    const { serviceCount, size } = this.#registry.registry;
    const count = (n: number, what: string) => `${n} ${what}${n === 1 ? "" : "s"}`;
    return { up: true, detail: `${count(serviceCount, "service")}, ${count(size, "instance")}` };
  }

  async *watch(signal: AbortSignal): AsyncGenerator<PartialConfig, void, undefined> {
    for await (const registry of this.#registry.changes(signal)) {
      yield discoveredServices(registry.list(), this.#routes);
      await this.#pause(signal);
    }
  }

  #pause(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        takeBack();
        signal.removeEventListener("abort", end);
        resolve();
      };
      const takeBack = this.#later(end, PAUSE_MS);
      signal.addEventListener("abort", end, { once: true });
      if (signal.aborted) end();
    });
  }
}
