/** Where a value came from, for people: `container shop (3f2a91c0)`, `instance my-api-1`. */
export type Origin = string;

/** One address of a discovered service. */
export interface DiscoveredEndpoint {
  /** Unique within its service and stable while it lives. */
  readonly id: string;
  readonly scheme: "http" | "https";
  /** An address or a name, without brackets. */
  readonly host: string;
  readonly port: number;
  /** From 0; 1 where nobody says. */
  readonly weight: number;
  /** Words that routes may choose by, such as `version`. */
  readonly labels: Readonly<Record<string, string>>;
  readonly origin: Origin;
  /** Takes nothing new; what runs finishes. */
  readonly draining?: true;
}

/**
 * A service that a provider has found. `upstream` and `routes` are what a person would write for it under `upstreams:` and
 * `routes:`, but for names and endpoints; they are read by the configuration's own schema, and one with a mistake is left out and
 * shown with it.
 */
export interface DiscoveredService {
  /** Becomes the upstream `name@provider`. */
  readonly name: string;
  readonly endpoints: readonly DiscoveredEndpoint[];
  readonly upstream: Readonly<Record<string, unknown>>;
  /** Each gets the id `name@provider`, a second one `name.2@provider`. No `upstream`: it is this one. */
  readonly routes: ReadonlyArray<Readonly<Record<string, unknown>>>;
  readonly origin: Origin;
}

/** Everything one provider knows at a moment; what is not in it is gone. */
export interface PartialConfig {
  readonly services: readonly DiscoveredService[];
  /** Found, and left out: why. */
  readonly rejected: readonly Rejected[];
}

export interface Rejected {
  readonly origin: Origin;
  readonly reason: string;
}

/** A source of discovered configuration. */
export interface Provider {
  /** Part of names: `docker`, `registry`. */
  readonly name: string;
  /**
   * What is known, again whenever it changes; the first one as soon as there is something to say, if only that there is nothing.
   * Never rejects and never ends before `signal` does: a source that is away is tried again, and what was known stays known.
   */
  watch(signal: AbortSignal): AsyncIterable<PartialConfig>;
  /** For readiness and for people. */
  readonly state: ProviderState;
}

export interface ProviderState {
  readonly up: boolean;
  /** Why it is not up, or what it sees. */
  readonly detail: string;
}
