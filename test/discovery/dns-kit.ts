import { DnsEndpoints, type DnsStates } from "../../src/control/discovery/dns/dns-endpoints.ts";
import { DnsFailure } from "../../src/control/discovery/dns/dns-exchange.ts";
import type { Found, SrvRecord } from "../../src/control/discovery/dns/dns-records.ts";
import type { DnsResolver } from "../../src/control/discovery/dns/dns-resolver.ts";
import { type DnsSpec, parseDnsSpec } from "../../src/control/discovery/dns/dns-spec.ts";
import { ManualClock } from "../kit/manual-clock.ts";

export function specOf(text: string): DnsSpec {
  const spec = parseDnsSpec(text);
  if (typeof spec === "string") throw new Error(spec);
  return spec;
}

type Answer<T> = Found<T> | "fails";

/** A resolver that says what a test wants; `contract` of the real one: nothing where there is nothing, DnsFailure otherwise. */
export class FakeResolver implements DnsResolver {
  readonly asked: string[] = [];
  /** What answers wait for. */
  gate: Promise<void> = Promise.resolve();
  underWay = 0;
  mostUnderWay = 0;
  readonly #addresses = new Map<string, Answer<string>>();
  readonly #services = new Map<string, Answer<SrvRecord>>();

  has(name: string, addresses: readonly string[], ttlMs = 60_000): this {
    this.#addresses.set(name, { records: addresses, ttlMs });
    return this;
  }

  /** Each as `priority weight port target`. */
  serves(name: string, services: readonly string[], ttlMs = 60_000): this {
    const records = services.map((service) => {
      const [priority, weight, port, target = ""] = service.split(" ");
      return { priority: Number(priority), weight: Number(weight), port: Number(port), target };
    });
    this.#services.set(name, { records, ttlMs });
    return this;
  }

  fails(name: string): this {
    this.#addresses.set(name, "fails");
    this.#services.set(name, "fails");
    return this;
  }

  addresses(name: string): Promise<Found<string>> {
    return this.#answer(name, this.#addresses);
  }

  services(name: string): Promise<Found<SrvRecord>> {
    return this.#answer(name, this.#services);
  }

  async #answer<T>(name: string, from: ReadonlyMap<string, Answer<T>>): Promise<Found<T>> {
    this.asked.push(name);
    this.mostUnderWay = Math.max(this.mostUnderWay, ++this.underWay);
    await this.gate;
    this.underWay--;
    const answer = from.get(name) ?? { records: [], ttlMs: 5_000 };
    if (answer === "fails") throw new DnsFailure("10.0.0.53: it failed (SERVFAIL)");
    return answer;
  }
}

/** Names under watch on a clock that stands still, and everything that was told of them. */
export class Watched {
  readonly clock = new ManualClock();
  readonly failures: string[] = [];
  readonly abort = new AbortController();
  readonly told: string[][] = [];
  readonly endpoints: DnsEndpoints;
  random = 0;

  constructor(resolver: DnsResolver, names: readonly string[]) {
    this.endpoints = new DnsEndpoints({
      resolver,
      clock: this.clock,
      random: () => this.random,
      later: this.clock.later,
      onFailure: (name) => this.failures.push(name),
    });
    this.watch(names, this.abort.signal);
  }

  watch(names: readonly string[], signal: AbortSignal, told = this.told): void {
    this.endpoints.watch(names.map(specOf), (states) => told.push(shown(states)), signal);
  }

  get last(): string[] {
    return this.told.at(-1)!;
  }
}

function shown(states: DnsStates): string[] {
  return [...states.values()].map(({ spec, status, endpoints }) => {
    return [spec.name, status, ...endpoints.map(({ host }) => host)].join(" ");
  });
}
