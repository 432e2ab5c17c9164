import type { SnapshotSpec } from "../../model/snapshot-spec.ts";
import type { EndpointHealthView } from "../../proxy/upstream/health/health-registry.ts";
import type { Config } from "../config/schema.ts";
import type { Diagnostic } from "../config/diagnostics.ts";
import type { LeftOut } from "../config/load-config.ts";
import type { ProviderState } from "../discovery/provider.ts";
import type { PluginState } from "../plugins/plugin-states.ts";
import type { Change, Store, StoredObject } from "../store/store.ts";
import type { StoredConfig } from "../store/stored-config.ts";
import type { WorkerState } from "../workers/supervisor.ts";

/** How a change of the configuration ended. */
export type ChangeOutcome =
  /** `stored`: what was asked for, as it is kept now. */
  | {
      readonly kind: "applied" | "valid";
      readonly stored: readonly StoredObject[];
      readonly warnings: readonly Diagnostic[];
    }
  | { readonly kind: "invalid"; readonly errors: readonly Diagnostic[] }
  /** It is valid, and could not be taken over: a plugin's set-up failed, a port is taken. */
  | { readonly kind: "refused"; readonly reason: string };

export type ReloadOutcome =
  | { readonly kind: "applied"; readonly version: number; readonly warnings: readonly Diagnostic[] }
  | { readonly kind: "unchanged" }
  | { readonly kind: "invalid"; readonly errors: readonly Diagnostic[] }
  | { readonly kind: "refused"; readonly reason: string };

/** An endpoint as all workers see it. */
export interface EndpointView extends EndpointHealthView {
  /** By worker, where they do not agree. */
  readonly disagreement: boolean;
}

export interface ExplainQuestion {
  readonly method: string;
  readonly url: string;
  readonly headers: ReadonlyArray<readonly [string, string]>;
  readonly clientIp: string;
}

export interface CheckReport {
  readonly ok: boolean;
  readonly errors: readonly Diagnostic[];
  readonly warnings: readonly Diagnostic[];
}

export interface DiscoveryView {
  readonly providers: ReadonlyArray<ProviderState & { readonly name: string }>;
  readonly leftOut: readonly LeftOut[];
}

/** What answers in the place of a resource: for parts that speak for themselves (the registry, containers). */
/** @param actor who asks, for the audit log */
export type Handler = (request: Request, actor: string) => Promise<Response>;

/** What the admin API knows of the process it runs in. */
export interface AdminPorts {
  readonly version: string;
  readonly store: Store;
  /** Of the configuration, as it is served. */
  readonly stored: StoredConfig;
  readonly spec: SnapshotSpec;
  /** Without secrets. */
  readonly config: Config;
  readonly workers: readonly WorkerState[];
  readonly plugins: readonly PluginState[];
  readonly discovery: DiscoveryView;
  /** One change after the other. @throws RevisionConflict; what the store throws */
  change(changes: readonly Change[], options: { dryRun: boolean }): Promise<ChangeOutcome>;
  reload(): Promise<ReloadOutcome>;
  check(text: string): Promise<CheckReport>;
  endpoints(): Promise<EndpointView[]>;
  /** @returns false: there is no such plugin */
  resetPlugin(name: string): Promise<boolean>;
  explain(question: ExplainQuestion): unknown;
  /** By name: null is fine, else what is wrong. */
  readiness(): Promise<ReadonlyMap<string, string | null>>;
  /** null: it is not on. */
  readonly registry: Handler | null;
  readonly containers: Handler | null;
  /** Prometheus text, piece by piece; FlexGate's names with `legacy`. */
  exposition(accept: string, legacy: boolean): { contentType: string; body: AsyncIterable<string> };
  /** The summary of `GET /api/metrics`. */
  summary(): Promise<unknown>;
  /** null: there are too many clients. Server-sent events; `lastEventId` of a client that comes back. */
  stream(kind: "metrics" | "alerts", lastEventId: string | null): Response | null;
}
