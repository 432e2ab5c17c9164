import type { Subprocess } from "bun";
import type { ProxyEvent } from "../../model/ports.ts";
import { Channel, WorkerGone } from "./channel.ts";
import type { Answer, Ask, FromWorker, KvOperation, KvOutcome, KvResult, ToWorker, Verb, Vitals } from "./messages.ts";

/** Where a worker writes which hook has its thread. */
export interface HookSign {
  readonly path: string;
  /** How many hooks have been called. */
  readonly runs: number;
  /** `NAME PHASE`; null: no hook. */
  running(): string | null;
  /** Those that wait for a promise: after an `await` one of them may have it. */
  pending(): string[];
  /** Removes the name; who has mapped it keeps it. */
  unlink(): void;
}

/** What workers' plugins get of this process. */
export interface WorkerPlugins {
  readonly kv: { run(operation: KvOperation): Promise<KvOutcome> };
  /** A new one for each worker; null where none can be had. */
  readonly hookSign: () => HookSign | null;
}

/** Memory that all workers map. */
export interface SharedMemory {
  /** An open file, which workers inherit as `SHARED_FD`. */
  readonly fd: number;
  /** Where a worker counts what it has in flight; null when every row is taken. */
  takeRow(): number | null;
  /** Its worker has ended. */
  giveBack(row: number): void;
}

export interface WorkerProcessOptions {
  /** Of the place it fills; shown in logs. */
  readonly number: number;
  readonly command: readonly string[];
  readonly plugins: WorkerPlugins;
  /** null: each keeps to itself. */
  readonly shared: SharedMemory | null;
  /** What happens to its traffic, as far as somebody should hear of it: it has logged and counted it. */
  readonly reported: (event: ProxyEvent) => void;
}

/** The worker's variable with the path of its HookSign. */
export const HOOK_SIGN = "SLUICE_HOOK_SIGN";
/** The worker's variable with its row in the SharedMemory, "" for none; not set where there is no SharedMemory. */
export const SHARED_ROW = "SLUICE_SHARED_ROW";
/** The first after standard error. */
export const SHARED_FD = 3;

/** Between two pings. */
const BEAT_MS = 1000;
/** So many unanswered beats in a row are the end. Counted in beats: time that this process did not run does not count. */
const SILENT_BEATS = 4;
/** Compiling a version keeps a worker from answering; a start too. */
const BUSY_BEATS = 30;

let lastSerial = 0;

/** One child process and its channel. It is killed when it does not answer for a few seconds. */
export class WorkerProcess {
  /** Never used twice, as pids and places are. */
  readonly serial = ++lastSerial;
  readonly number: number;
  readonly startedAt = performance.now();
  /** Resolves when it can be asked; rejects with WorkerGone. */
  readonly ready: Promise<void>;
  /** How it ended. */
  readonly exited: Promise<string>;
  vitals: Vitals = { rssBytes: 0, modulesLoaded: 0, listeners: [] };
  onVitals: (() => void) | null = null;
  onSilent: ((hook: string | null, pending: readonly string[]) => void) | null = null;
  readonly #plugins: WorkerPlugins;
  readonly #reported: (event: ProxyEvent) => void;
  readonly #sign: HookSign | null;
  readonly #shared: SharedMemory | null;
  readonly #row: number | null;
  readonly #child: Subprocess;
  readonly #channel: Channel;
  #runs = 0;
  readonly #beat: Timer;
  #unanswered = 0;
  #busy = 1;
  #hello: () => void = () => undefined;

  constructor(options: WorkerProcessOptions) {
    this.number = options.number;
    this.#plugins = options.plugins;
    this.#reported = options.reported;
    this.#sign = options.plugins.hookSign();
    this.#channel = new Channel((question) => this.#send(question));
    const hello = new Promise<void>((resolve) => (this.#hello = resolve));
    this.#shared = options.shared;
    this.#row = this.#shared?.takeRow() ?? null;
    this.#child = Bun.spawn([...options.command], {
      stdio: ["ignore", "inherit", "inherit", ...(this.#shared === null ? [] : [this.#shared.fd])],
      env: this.#environment(),
      ipc: (message: FromWorker) => this.#hear(message),
    });
    this.exited = this.#child.exited.then(() => this.#ended());
    this.ready = Promise.race([hello, this.exited.then(() => Promise.reject(new WorkerGone()))]);
    this.ready.catch(() => undefined);
    this.#beat = setInterval(() => this.#listen(), BEAT_MS);
  }

  get pid(): number {
    return this.#child.pid;
  }

  async ask<V extends Verb>(verb: V, ask: Ask<V>): Promise<Answer<V>> {
    const slow = verb === "prepare" || verb === "commit";
    if (slow) this.#busy++;
    try {
      return await this.#channel.ask(verb, ask);
    } finally {
      if (slow) this.#busy--;
    }
  }

  /** SIGKILL: a process that hangs hears nothing else. */
  kill(): void {
    this.#child.kill("SIGKILL");
  }

  #environment(): Record<string, string | undefined> {
    return {
      ...process.env,
      // `fetch` runs at most 256 requests at once in a process that starts without it.
      BUN_CONFIG_MAX_HTTP_REQUESTS: "65535",
      [HOOK_SIGN]: this.#sign?.path ?? "",
      [SHARED_ROW]: this.#shared === null ? undefined : (this.#row ?? "").toString(),
    };
  }

  #hear(message: FromWorker): void {
    if (message.kind === "kv") return void this.#answerKv(message.id, message.operations);
    if (message.kind === "event") return this.#reported(message.event);
    if (message.kind !== "hello") return this.#channel.hear(message);
    this.#sign?.unlink();
    this.#busy--;
    this.#hello();
  }

  async #answerKv(id: number, operations: readonly KvOperation[]): Promise<void> {
    const { kv } = this.#plugins;
    const results = await Promise.all(operations.map((operation) => kv.run(operation).then(succeeded, failed)));
    try {
      this.#send({ kind: "kv", id, results });
    } catch {
      // It has ended meanwhile, and nobody waits for this.
    }
  }

  #send(message: ToWorker): void {
    this.#child.send(message);
  }

  #listen(): void {
    const hook = this.#sign?.running() ?? null;
    const runs = this.#sign?.runs ?? 0;
    // One hook after the other: it has much to do, and will answer.
    if (runs !== this.#runs) this.#unanswered = 0;
    this.#runs = runs;
    // A start and a compilation may take long; a hook never may.
    if (this.#unanswered >= (this.#busy > 0 && hook === null ? BUSY_BEATS : SILENT_BEATS)) {
      this.onSilent?.(hook, this.#sign?.pending() ?? []);
      return this.kill();
    }
    this.#unanswered++;
    void this.#channel.ask("ping", null).then(
      (vitals) => {
        this.vitals = vitals;
        this.#unanswered = 0;
        this.onVitals?.();
      },
      () => undefined,
    );
  }

  #ended(): string {
    clearInterval(this.#beat);
    this.#sign?.unlink();
    if (this.#row !== null) this.#shared?.giveBack(this.#row);
    this.#channel.close();
    const { exitCode, signalCode } = this.#child;
    return signalCode === null ? `exit code ${exitCode}` : String(signalCode);
  }
}

function succeeded(outcome: KvOutcome): KvResult {
  return { outcome };
}

function failed(error: unknown): KvResult {
  return { error: error instanceof Error ? error.message : String(error) };
}
