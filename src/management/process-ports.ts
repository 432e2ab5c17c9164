import type { Configuration } from "../configuration.ts";
import type {
  AdminPorts,
  ChangeOutcome,
  CheckReport,
  DiscoveryView,
  EndpointView,
  ExplainQuestion,
  Handler,
  ReloadOutcome,
} from "../control/admin/admin-ports.ts";
import { mergeViews } from "../control/admin/merge-views.ts";
import { maskSecrets } from "../control/config/mask.ts";
import type { Config } from "../control/config/schema.ts";
import type { PluginState } from "../control/plugins/plugin-states.ts";
import type { Change, Store } from "../control/store/store.ts";
import type { StoredConfig } from "../control/store/stored-config.ts";
import type { WorkerState } from "../control/workers/supervisor.ts";
import { explainRequest } from "../explain-request.ts";
import type { SnapshotSpec } from "../model/snapshot-spec.ts";
import type { ConfigChanges } from "./config-changes.ts";
import type { Observation } from "./observation.ts";
import type { Proxied } from "./proxied.ts";

export interface ProcessPortsParts {
  readonly version: string;
  readonly store: Store;
  readonly configuration: Configuration;
  readonly changes: ConfigChanges;
  readonly proxied: Proxied;
  readonly observation: () => Observation;
  readonly discovery: () => DiscoveryView;
  readonly readiness: () => Promise<ReadonlyMap<string, string | null>>;
  readonly registry: Handler | null;
  readonly containers: Handler | null;
}

/** This process, as the admin API sees it. */
export class ProcessPorts implements AdminPorts {
  readonly #parts: ProcessPortsParts;

  constructor(parts: ProcessPortsParts) {
    this.#parts = parts;
  }

  get version(): string {
    return this.#parts.version;
  }

  get store(): Store {
    return this.#parts.store;
  }

  get stored(): StoredConfig {
    return this.#parts.configuration.stored;
  }

  get spec(): SnapshotSpec {
    return this.#parts.proxied.spec;
  }

  get config(): Config {
    const { config, secrets } = this.#parts.configuration.accepted!;
    return maskSecrets(config, secrets);
  }

  get workers(): readonly WorkerState[] {
    return this.#parts.proxied.workers;
  }

  get plugins(): readonly PluginState[] {
    return this.#parts.proxied.plugins;
  }

  get discovery(): DiscoveryView {
    return this.#parts.discovery();
  }

  get registry(): Handler | null {
    return this.#parts.registry;
  }

  get containers(): Handler | null {
    return this.#parts.containers;
  }

  change(changes: readonly Change[], options: { dryRun: boolean }): Promise<ChangeOutcome> {
    return this.#parts.changes.change(changes, options);
  }

  async reload(): Promise<ReloadOutcome> {
    const outcome = await this.#parts.proxied.reload();
    switch (outcome.kind) {
      case "applied":
        return {
          kind: "applied",
          version: outcome.spec.version,
          warnings: this.#parts.configuration.accepted!.warnings,
        };
      case "unchanged":
        return outcome;
      case "invalid":
        return { kind: "invalid", errors: outcome.error };
      case "refused":
        return {
          kind: "refused",
          reason: outcome.error instanceof Error ? outcome.error.message : String(outcome.error),
        };
    }
  }

  async check(text: string): Promise<CheckReport> {
    const loaded = await this.#parts.configuration.check(text);
    return { ok: loaded.ok, errors: loaded.ok ? [] : loaded.errors, warnings: loaded.warnings };
  }

  async endpoints(): Promise<EndpointView[]> {
    const views = await this.#parts.proxied.views();
    return mergeViews(views.map(({ health }) => health));
  }

  resetPlugin(name: string): Promise<boolean> {
    return this.#parts.proxied.resetPlugin(name);
  }

  explain(question: ExplainQuestion): unknown {
    return explainRequest(this.spec, { ...question, listener: null });
  }

  readiness(): Promise<ReadonlyMap<string, string | null>> {
    return this.#parts.readiness();
  }

  exposition(accept: string, legacy: boolean): { contentType: string; body: AsyncIterable<string> } {
    return this.#parts.observation().exposition(accept, legacy);
  }

  summary(): Promise<unknown> {
    return this.#parts.observation().summary();
  }

  stream(kind: "metrics" | "alerts", lastEventId: string | null): Response | null {
    return this.#parts.observation().stream(kind, lastEventId);
  }
}
