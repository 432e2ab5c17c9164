import type { SnapshotSpec } from "../model/snapshot-spec.ts";

/** Whoever serves a specification: a data plane in this process, or many at the end of channels. */
export interface SpecTarget {
  /** Rejects when this version cannot be served; then nothing has changed. */
  prepare(spec: SnapshotSpec): void | Promise<void>;
  commit(version: number): void | Promise<void>;
  abort(): void | Promise<void>;
}

/** What reading the configuration came to. */
export type Proposal<E> = { ok: true; spec: SnapshotSpec } | { ok: false; error: E };

export type Outcome<E> =
  | { kind: "applied"; spec: SnapshotSpec }
  | { kind: "unchanged" }
  | { kind: "invalid"; error: E }
  | { kind: "refused"; error: unknown };

/**
 * Turns proposals into what is served: read → validate → prepare everywhere → commit. Changes are taken one at a time, and those
 * that arrive meanwhile are one change. A proposal that fails leaves the last good version serving.
 */
export class Reconciler<E> {
  readonly #propose: () => Promise<Proposal<E>> | Proposal<E>;
  readonly #target: SpecTarget;
  #version = 0;
  #served = "";
  #running: Promise<Outcome<E>> | null = null;
  #next: Promise<Outcome<E>> | null = null;

  constructor(propose: () => Promise<Proposal<E>> | Proposal<E>, target: SpecTarget) {
    this.#propose = propose;
    this.#target = target;
  }

  get version(): number {
    return this.#version;
  }

  /** Resolves when what the configuration said at the time of the call, or later, is served or refused. */
  reconcile(): Promise<Outcome<E>> {
    if (this.#running === null) return this.#begin();
    this.#next ??= this.#running.then(() => {
      this.#next = null;
      return this.#begin();
    });
    return this.#next;
  }

  #begin(): Promise<Outcome<E>> {
    const run = this.#run().finally(() => {
      if (this.#running === run) this.#running = null;
    });
    this.#running = run;
    return run;
  }

  async #run(): Promise<Outcome<E>> {
    const proposal = await this.#propose();
    if (!proposal.ok) return { kind: "invalid", error: proposal.error };
    const text = JSON.stringify({ ...proposal.spec, version: 0 });
    if (text === this.#served) return { kind: "unchanged" };
    const spec = { ...proposal.spec, version: this.#version + 1 };
    try {
      await this.#target.prepare(spec);
      await this.#target.commit(spec.version);
    } catch (error) {
      await this.#target.abort();
      return { kind: "refused", error };
    }
    this.#version = spec.version;
    this.#served = text;
    return { kind: "applied", spec };
  }
}
