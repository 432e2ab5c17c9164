import type { Diagnostic } from "../control/config/diagnostics.ts";
import type { PluginState } from "../control/plugins/plugin-states.ts";
import type { Outcome } from "../control/reconciler.ts";
import type { AskedForMetrics, WorkerState } from "../control/workers/supervisor.ts";
import type { SnapshotSpec } from "../model/snapshot-spec.ts";
import type { CounterReader } from "../observability/counters.ts";
import type { RequestSlots } from "../observability/metrics/summary.ts";
import type { EventBus } from "../observability/event-bus.ts";
import type { EventCounts } from "../observability/metrics/event-counts.ts";
import type { Logger } from "../observability/logger.ts";
import type { PlaneView } from "../proxy/plane-view.ts";
import type { EndpointVerdict } from "../proxy/upstream/health/health-registry.ts";

/** The proxy that is managed, as far as management needs it. */
export interface Proxied {
  readonly log: Logger;
  /** Of this process: with workers, each has its own for its traffic. */
  readonly events: EventBus;
  /** What this process itself has told, beside its traffic. */
  readonly told: EventCounts;
  /** Of all processes, for whoever should hear of it. */
  readonly alerts: EventBus;
  readonly spec: SnapshotSpec;
  readonly counters: CounterReader;
  /** Where all requests were counted since the start. */
  readonly requests: RequestSlots;
  readonly workers: readonly WorkerState[];
  readonly plugins: readonly PluginState[];
  /** Resolves when another version is served. */
  readonly nextVersion: Promise<void>;
  /** What active checks say of endpoints. */
  readonly verdicts: readonly EndpointVerdict[];
  /** Who is asked for metrics. */
  readonly asked: readonly AskedForMetrics[];
  views(): Promise<PlaneView[]>;
  resetPlugin(name: string): Promise<boolean>;
  /** Reads the configuration again and says what came of it, in the log too. */
  reload(): Promise<Outcome<readonly Diagnostic[]>>;
  /** The same, quietly: whoever asks hears of it. */
  reconcile(): Promise<Outcome<readonly Diagnostic[]>>;
}
