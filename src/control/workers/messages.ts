import type { ProxyEvent } from "../../model/ports.ts";
import type { PlaneView } from "../../proxy/plane-view.ts";
import type { EndpointVerdict } from "../../proxy/upstream/health/health-registry.ts";

/** What a supervisor asks of a worker, and what it answers. Everything is plain JSON. */
export interface Dialogue {
  /** `spec` is JSON: one text for all workers. `page`: the counters' new page, by its path. */
  prepare: { ask: { spec: string; page: string | null }; answer: null };
  commit: { ask: null; answer: null };
  abort: { ask: null; answer: null };
  /** Health checks of the listeners fail from now on. */
  notReady: { ask: null; answer: null };
  /** What active checks say of endpoints. */
  verdicts: { ask: readonly EndpointVerdict[]; answer: null };
  /** Stop accepting, finish what runs for at most so long (null: until it ends), then answer and exit. */
  drain: { ask: { withinMs: number | null; patienceMs: number }; answer: { complete: boolean } };
  ping: { ask: null; answer: Vitals };
  view: { ask: null; answer: PlaneView };
  /** What it says of itself when metrics are read: for whoever reads them. */
  metrics: { ask: null; answer: unknown };
  /** Calls a plugin again that was suspended; false: there is none of that name. */
  resetPlugin: { ask: string; answer: boolean };
}

export type Verb = keyof Dialogue;
export type Ask<V extends Verb> = Dialogue[V]["ask"];
export type Answer<V extends Verb> = Dialogue[V]["answer"];

export interface Vitals {
  readonly rssBytes: number;
  /** Modules of plugins imported since it began to serve: the runtime never lets go of one. */
  readonly modulesLoaded: number;
  readonly listeners: ReadonlyArray<{ readonly name: string; readonly connections: number }>;
}

/** What a plugin's `kv` asks of whoever keeps it. Values are JSON texts. */
export type KvOperation = { readonly plugin: string; readonly key: string } & (
  | { readonly verb: "get" | "delete" }
  | { readonly verb: "set"; readonly value: string; readonly ttlMs: number | null }
  | { readonly verb: "incr"; readonly by: number; readonly ttlMs: number | null }
);

/** get: the value or null; set: null; delete: whether there was something; incr: the new number. */
export type KvOutcome = string | number | boolean | null;

export type KvResult = { readonly outcome: KvOutcome } | { readonly error: string };

export interface Question {
  readonly id: number;
  readonly verb: Verb;
  readonly ask: unknown;
}

/** The results of a worker's operations, in their order. */
export interface KvAnswer {
  readonly kind: "kv";
  readonly id: number;
  readonly results: readonly KvResult[];
}

export type ToWorker = Question | KvAnswer;

export type FromWorker =
  | { readonly kind: "hello" }
  | { readonly kind: "answer"; readonly id: number; readonly answer: unknown }
  | { readonly kind: "refused"; readonly id: number; readonly reason: string }
  | { readonly kind: "kv"; readonly id: number; readonly operations: readonly KvOperation[] }
  /** It has logged and counted it already. */
  | { readonly kind: "event"; readonly event: ProxyEvent };

/** What happened to workers, for whoever logs it. */
export type WorkerEvent =
  | { type: "worker.started"; worker: number; pid: number }
  /** `hook`: `NAME PHASE` when a plugin's hook has its thread; else `pending` are those that may have it after an `await`. */
  | { type: "worker.silent"; worker: number; pid: number; hook: string | null; pending: readonly string[] }
  | { type: "worker.died"; worker: number; pid: number; how: string; replacedInMs: number }
  /** Another one serves in the place of one that died; `reason` is how. */
  | { type: "worker.restarted"; worker: number; reason: string }
  | { type: "worker.retired"; worker: number; pid: number }
  /** Replaced while it served, for a reason that is no failure. */
  | { type: "worker.renewed"; worker: number; pid: number; successor: number | null; modulesLoaded: number }
  | { type: "worker.failed"; worker: number; reason: string };
