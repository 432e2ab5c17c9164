/** What a supervisor asks of a worker, and what it answers. Everything is plain JSON. */
export interface Dialogue {
  /** `spec` is JSON: one text for all workers. `page`: the counters' new page, by its path. */
  prepare: { ask: { spec: string; page: string | null }; answer: null };
  commit: { ask: null; answer: null };
  abort: { ask: null; answer: null };
  /** Health checks of the listeners fail from now on. */
  notReady: { ask: null; answer: null };
  /** Stop accepting, finish what runs for at most so long (null: until it ends), then answer and exit. */
  drain: { ask: { withinMs: number | null; patienceMs: number }; answer: { complete: boolean } };
  ping: { ask: null; answer: Vitals };
}

export type Verb = keyof Dialogue;
export type Ask<V extends Verb> = Dialogue[V]["ask"];
export type Answer<V extends Verb> = Dialogue[V]["answer"];

export interface Vitals {
  readonly rssBytes: number;
  readonly listeners: ReadonlyArray<{ readonly name: string; readonly connections: number }>;
}

export interface Question {
  readonly id: number;
  readonly verb: Verb;
  readonly ask: unknown;
}

export type FromWorker =
  | { readonly kind: "hello" }
  | { readonly kind: "answer"; readonly id: number; readonly answer: unknown }
  | { readonly kind: "refused"; readonly id: number; readonly reason: string };

/** What happened to workers, for whoever logs it. */
export type WorkerEvent =
  | { type: "worker.started"; worker: number; pid: number }
  | { type: "worker.silent"; worker: number; pid: number }
  | { type: "worker.died"; worker: number; pid: number; how: string; replacedInMs: number }
  | { type: "worker.retired"; worker: number; pid: number }
  | { type: "worker.failed"; worker: number; reason: string };
