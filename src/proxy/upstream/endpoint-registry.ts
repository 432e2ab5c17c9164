import type { EndpointSpec } from "../../model/snapshot-spec.ts";
import { Endpoint, endpointId } from "./endpoint.ts";

interface Entry {
  readonly endpoint: Endpoint;
  references: number;
}

/**
 * Live state is not configuration: endpoints are shared by every snapshot that names them, by identity, and vanish with the
 * last one. Whatever changes an endpoint's availability goes through here, so that upstreams notice with one comparison.
 */
export class EndpointRegistry {
  /** Grows with every change of any endpoint's availability. */
  version = 1;
  readonly #entries = new Map<string, Entry>();

  acquire(upstream: string, spec: EndpointSpec): Endpoint {
    const key = `${upstream} ${endpointId(spec)}`;
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      entry = { endpoint: new Endpoint(upstream, spec), references: 0 };
      this.#entries.set(key, entry);
    }
    entry.references++;
    return entry.endpoint;
  }

  /** The last release closes idle connections; exchanges that run keep theirs. */
  release(endpoint: Endpoint): void {
    const key = `${endpoint.upstream} ${endpoint.id}`;
    const entry = this.#entries.get(key);
    if (entry === undefined || --entry.references > 0) return;
    this.#entries.delete(key);
    endpoint.pool?.retire();
  }

  update(endpoint: Endpoint, change: Partial<Pick<Endpoint, "weight" | "healthy" | "draining">>): void {
    Object.assign(endpoint, change);
    this.version++;
  }

  *[Symbol.iterator](): IterableIterator<Endpoint> {
    for (const entry of this.#entries.values()) yield entry.endpoint;
  }
}
