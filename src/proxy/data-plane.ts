import type { Clock, Random, Telemetry } from "../model/ports.ts";
import type { SnapshotSpec } from "../model/snapshot-spec.ts";
import { Gateway } from "./gateway.ts";
import { ListenerSet } from "./listener/listener-set.ts";
import { guardedFetch } from "./pipeline/guarded-fetch.ts";
import { Admissions } from "./limits/admission.ts";
import type { Memory } from "./limits/memory-guard.ts";
import type { RateDeciders } from "./limits/rate-deciders.ts";
import type { PluginHost } from "./pipeline/plugin-host.ts";
import { planeView, type PlaneView } from "./plane-view.ts";
import { PluginPlane } from "./plugin-plane.ts";
import type { PluginSet } from "./pipeline/plugin-set.ts";
import type { SharedState } from "./shared-state.ts";
import { Snapshot } from "./snapshot.ts";
import { Ticker } from "./ticker.ts";
import { EndpointRegistry } from "./upstream/endpoint-registry.ts";
import { type EndpointVerdict, HealthRegistry } from "./upstream/health/health-registry.ts";
import { TransportRegistry } from "./upstream/transport/transport-registry.ts";
import { createTransports } from "./upstream/transport/create-transports.ts";

export interface DataPlaneDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
  readonly plugins: PluginHost;
  readonly shared: SharedState;
  readonly rates: RateDeciders;
  readonly memory: Memory;
}

/** Where a data plane listens, for whoever shows it. */
export interface BoundListener {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  readonly connections: number;
}

const FAST_MS = 100;

/**
 * One worker's serving half: owns the listeners and the snapshot holder. A new version is prepared (compiled, its new addresses
 * bound) and then committed (one reference swapped); a version that cannot be prepared changes nothing.
 */
export class DataPlane {
  readonly endpoints = new EndpointRegistry();
  readonly #deps: DataPlaneDeps;
  readonly #fast: Ticker;
  readonly #transports: TransportRegistry;
  readonly #plugins: PluginPlane;
  readonly #health: HealthRegistry;
  readonly #admissions: Admissions;
  #gateway: Gateway | null = null;
  #listeners: ListenerSet | null = null;
  #prepared: { snapshot: Snapshot; commit: () => void; abort: () => void } | null = null;

  constructor(deps: DataPlaneDeps) {
    this.#deps = deps;
    this.#fast = new Ticker(deps.clock, FAST_MS);
    this.#transports = new TransportRegistry(createTransports({ clock: deps.clock, fast: this.#fast }));
    this.#health = new HealthRegistry({
      endpoints: this.endpoints,
      shared: deps.shared,
      ticker: this.#fast,
      event: (event) => deps.telemetry.event(event),
    });
    this.#admissions = new Admissions({
      inFlight: deps.shared.inFlight,
      clockOffsetMs: deps.shared.clockOffsetMs,
      clock: deps.clock,
      ticker: this.#fast,
      memory: deps.memory,
      event: (event) => deps.telemetry.event(event),
    });
    this.#plugins = new PluginPlane({
      host: deps.plugins,
      clock: deps.clock,
      event: (event) => deps.telemetry.event(event),
      fetch: guardedFetch(deps.plugins.fetch, () => this.#gateway?.snapshot ?? null),
    });
  }

  /** Rejects with BindError when an address cannot be had, with SetupError when a plugin fails; nothing has changed then. */
  async prepare(spec: SnapshotSpec): Promise<void> {
    this.abort();
    const plugins = await this.#plugins.setUp(spec);
    const snapshot = this.#compile(spec, plugins);
    this.#gateway ??= new Gateway(snapshot, this.#deps);
    this.#listeners ??= new ListenerSet({
      door: this.#gateway,
      clock: this.#deps.clock,
      fast: this.#fast,
      reusePort: true,
    });
    try {
      const change = this.#listeners.prepare(spec.listeners);
      this.#prepared = { snapshot, ...change };
    } catch (error) {
      snapshot.retire();
      throw error;
    }
  }

  /** Serves what was prepared. */
  commit(): void {
    const prepared = this.#prepared;
    if (prepared === null) throw new Error("nothing was prepared");
    this.#prepared = null;
    const old = this.#gateway!.serve(prepared.snapshot);
    prepared.snapshot.activate();
    prepared.commit();
    if (old !== prepared.snapshot) old.retire();
  }

  /** Forgets what was prepared. */
  abort(): void {
    this.#prepared?.abort();
    this.#prepared?.snapshot.retire();
    this.#prepared = null;
  }

  get snapshot(): Snapshot | null {
    return this.#gateway?.snapshot ?? null;
  }

  get listeners(): BoundListener[] {
    return this.#listeners?.bound ?? [];
  }

  /** Health checks of the listeners fail from now on, while requests are still served. */
  notReady(): void {
    this.#gateway?.leave();
  }

  /** Stops accepting; resolves when every exchange and tunnel has ended. */
  async drain(patienceMs = 0): Promise<void> {
    await this.#listeners?.drain(patienceMs);
    await this.#plugins.idle();
  }

  /** What the control plane's checks found out. */
  verdict(verdict: EndpointVerdict): void {
    this.#health.verdict(verdict);
  }

  /** Every endpoint's standing and who says so; what plugins do. */
  view(): PlaneView {
    return planeView(this.#health.view(), this.#plugins);
  }

  /** Requests that wait for a place, by upstream. */
  get queues(): Array<{ upstream: string; waiting: number }> {
    return this.#admissions.queues;
  }

  get plugins(): PluginPlane {
    return this.#plugins;
  }

  /** Ends everything now. */
  stop(): void {
    this.#listeners?.stop();
    this.#fast.stop();
    this.#plugins.stop();
  }

  #compile(spec: SnapshotSpec, plugins: PluginSet): Snapshot {
    return new Snapshot(spec, {
      endpoints: this.endpoints,
      transports: this.#transports,
      clock: this.#deps.clock,
      ticker: this.#fast,
      random: this.#deps.random,
      health: this.#health,
      admissions: this.#admissions,
      rates: this.#deps.rates,
      plugins,
      host: this.#deps.plugins,
      event: (event) => this.#deps.telemetry.event(event),
    });
  }
}
