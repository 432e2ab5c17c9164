import type { EndpointSpec } from "../../model/snapshot-spec.ts";
import { Endpoint, endpointId } from "./endpoint.ts";
import { standingOf } from "./health/health-state.ts";

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
    const key = identity(upstream, endpointId(spec), spec);
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
    const key = identity(endpoint.upstream, endpoint.id, endpoint);
    const entry = this.#entries.get(key);
    if (entry === undefined || --entry.references > 0) return;
    this.#entries.delete(key);
    endpoint.pool?.retire();
  }

  /** What an operator changes. */
  update(endpoint: Endpoint, change: { weight?: number; draining?: boolean }, now: number): void {
    if (change.weight !== undefined) endpoint.weight = endpoint.baseWeight = change.weight;
    if (change.draining !== undefined) endpoint.draining = change.draining;
    this.judge(endpoint, now);
    // Also without a change of standing: policies may keep sums of weights.
    this.version++;
  }

  /** Looks at everything that speaks for or against an endpoint. */
  judge(endpoint: Endpoint, now: number): void {
    const standing = standingOf(endpoint, now);
    if (standing === endpoint.standing) return;
    endpoint.standing = standing;
    this.version++;
  }

  *[Symbol.iterator](): IterableIterator<Endpoint> {
    for (const entry of this.#entries.values()) yield entry.endpoint;
  }
}

type Named = Pick<EndpointSpec, "host" | "name" | "discovered">;

/** Who named it, and how, belongs to it: what was dialled on the operator's word serves nobody else. */
function identity(upstream: string, id: string, { host, name = host, discovered }: Named): string {
  return `${upstream} ${id}${name === host ? "" : ` ${name}`}${discovered === true ? " discovered" : ""}`;
}
