import type { Configuration } from "../configuration.ts";
import type { ChangeOutcome } from "../control/admin/admin-ports.ts";
import { formatDiagnostic, type Diagnostic } from "../control/config/diagnostics.ts";
import { STORE } from "../control/config/build-context.ts";
import type { Outcome } from "../control/reconciler.ts";
import { StoredConfig } from "../control/store/stored-config.ts";
import { RevisionConflict, type Change, type Store } from "../control/store/store.ts";
import { StoreError } from "../control/store/store-error.ts";

export interface ConfigChangesParts {
  readonly configuration: Configuration;
  readonly store: Store;
  readonly reconcile: () => Promise<Outcome<readonly Diagnostic[]>>;
  /** Ms since the epoch. */
  readonly now: () => number;
}

/**
 * Changes of the stored configuration, one after the other: what a change asks for is served by every worker first, then kept, then
 * acknowledged. One that cannot be served changes nothing; one that cannot be kept is taken back.
 */
export class ConfigChanges {
  readonly #parts: ConfigChangesParts;
  #last: Promise<unknown> = Promise.resolve();

  constructor(parts: ConfigChangesParts) {
    this.#parts = parts;
  }

  /** Rejects with RevisionConflict, or with what the store says; then nothing has changed. */
  change(changes: readonly Change[], { dryRun }: { dryRun: boolean }): Promise<ChangeOutcome> {
    const run = this.#last.then(() => (dryRun ? this.#consider(changes) : this.#apply(changes)));
    this.#last = run.catch(() => undefined);
    return run;
  }

  async #consider(changes: readonly Change[]): Promise<ChangeOutcome> {
    const { configuration, now } = this.#parts;
    const loaded = await configuration.consider(configuration.stored.with(changes, now()));
    if (!loaded.ok) return { kind: "invalid", errors: loaded.errors };
    return { kind: "valid", stored: [], warnings: ofStore(loaded.warnings) };
  }

  async #apply(changes: readonly Change[]): Promise<ChangeOutcome> {
    const { configuration, store, reconcile, now } = this.#parts;
    const before = configuration.stored;
    const wanted = before.with(changes, now());
    configuration.stored = wanted;
    const outcome = await reconcile();
    if (outcome.kind === "invalid" || outcome.kind === "refused") {
      // Whatever else was read at the same time is not refused with it.
      await this.#takeBack(before);
      if (outcome.kind === "invalid") return { kind: "invalid", errors: outcome.error };
      return {
        kind: "refused",
        reason: outcome.error instanceof Error ? outcome.error.message : String(outcome.error),
      };
    }
    const warnings = ofStore(configuration.accepted?.warnings ?? []);
    try {
      const stored = await store.apply(changes);
      configuration.stored = wanted.kept(stored);
      return { kind: "applied", stored, warnings };
    } catch (error) {
      await this.#takeBack(isElsewhere(error) ? await this.#known(before) : before);
      throw error;
    }
  }

  /** What the store has by now, where it says so. */
  #known(before: StoredConfig): Promise<StoredConfig> {
    return StoredConfig.load(this.#parts.store).catch(() => before);
  }

  async #takeBack(before: StoredConfig): Promise<void> {
    this.#parts.configuration.stored = before;
    await this.#parts.reconcile();
  }
}

/** Somebody else writes there too, or nobody knows whether it was written. */
function isElsewhere(error: unknown): boolean {
  return error instanceof RevisionConflict || (error instanceof StoreError && error.inDoubt);
}

/** Those of the file were told when it was read. */
function ofStore(warnings: readonly Diagnostic[]): Diagnostic[] {
  return warnings.filter(({ file }) => file.startsWith(`${STORE}:`));
}

/** For logs. */
export function linesOf(errors: readonly Diagnostic[]): string[] {
  return errors.map(formatDiagnostic);
}
