import type { DnsSettings } from "../control/config/build-discovery.ts";
import { DnsEndpoints, type DnsStates } from "../control/discovery/dns/dns-endpoints.ts";
import { DnsClient } from "../control/discovery/dns/dns-resolver.ts";
import type { DnsSpec } from "../control/discovery/dns/dns-spec.ts";
import { MachineResolver } from "../control/discovery/dns/machine-resolver.ts";

export interface NamesParts {
  readonly settings: DnsSettings;
  /** What names lead to has changed. */
  readonly onChange: () => void;
  readonly onFailure: (name: string, error: unknown) => void;
}

/** The names under `dns:` of the configuration that is served, and what they lead to. */
export class Names {
  readonly #endpoints: DnsEndpoints;
  readonly #onChange: () => void;
  #watch: AbortController | null = null;
  #key = "";
  #states: DnsStates = new Map();
  #waiting: Array<() => void> = [];

  constructor({ settings, onChange, onFailure }: NamesParts) {
    const { servers, family, timeoutMs, graceMs } = settings;
    const client = new DnsClient({ ...(servers === null ? {} : { servers }), family, patienceMs: timeoutMs });
    const clock = { now: () => performance.now(), wall: () => Date.now() };
    this.#endpoints = new DnsEndpoints({
      resolver: servers === null ? new MachineResolver({ dns: client, family }) : client,
      clock,
      random: Math.random,
      graceMs,
      onFailure,
    });
    this.#onChange = onChange;
  }

  get states(): DnsStates {
    return this.#states;
  }

  /** These names from now on; those that were followed already are not asked again. */
  follow(specs: readonly DnsSpec[]): void {
    const key = JSON.stringify(specs.map((spec) => spec.key).sort());
    if (key === this.#key) return;
    this.#key = key;
    const before = this.#watch;
    this.#watch = new AbortController();
    this.#endpoints.watch(specs, (states) => this.#told(states), this.#watch.signal);
    before?.abort();
  }

  /** Resolves when every name has had an answer, or when so much time has passed. */
  async settled(withinMs: number): Promise<void> {
    if (!this.#isAsking()) return;
    const answered = new Promise<void>((resolve) => this.#waiting.push(resolve));
    await Promise.race([answered, Bun.sleep(withinMs)]);
  }

  stop(): void {
    this.#watch?.abort();
  }

  #told(states: DnsStates): void {
    this.#states = states;
    if (!this.#isAsking()) for (const resolve of this.#waiting.splice(0)) resolve();
    this.#onChange();
  }

  #isAsking(): boolean {
    return [...this.#states.values()].some(({ status, detail }) => status === "asking" && detail === "");
  }
}
