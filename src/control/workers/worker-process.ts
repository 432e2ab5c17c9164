import type { Subprocess } from "bun";
import { Channel, WorkerGone } from "./channel.ts";
import type { Answer, Ask, FromWorker, Verb, Vitals } from "./messages.ts";

export interface WorkerProcessOptions {
  /** Of the place it fills; shown in logs. */
  readonly number: number;
  readonly command: readonly string[];
}

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
  vitals: Vitals = { rssBytes: 0, listeners: [] };
  onSilent: (() => void) | null = null;
  readonly #child: Subprocess;
  readonly #channel: Channel;
  readonly #beat: Timer;
  #unanswered = 0;
  #busy = 1;
  #hello: () => void = () => undefined;

  constructor(options: WorkerProcessOptions) {
    this.number = options.number;
    this.#channel = new Channel((question) => this.#child.send(question));
    const hello = new Promise<void>((resolve) => (this.#hello = resolve));
    this.#child = Bun.spawn([...options.command], {
      stdio: ["ignore", "inherit", "inherit"],
      // `fetch` runs at most 256 requests at once in a process that starts without it.
      env: { ...process.env, BUN_CONFIG_MAX_HTTP_REQUESTS: "65535" },
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

  #hear(message: FromWorker): void {
    if (message.kind !== "hello") return this.#channel.hear(message);
    this.#busy--;
    this.#hello();
  }

  #listen(): void {
    if (this.#unanswered >= (this.#busy > 0 ? BUSY_BEATS : SILENT_BEATS)) {
      this.onSilent?.();
      return this.kill();
    }
    this.#unanswered++;
    void this.#channel.ask("ping", null).then(
      (vitals) => {
        this.vitals = vitals;
        this.#unanswered = 0;
      },
      () => undefined,
    );
  }

  #ended(): string {
    clearInterval(this.#beat);
    this.#channel.close();
    const { exitCode, signalCode } = this.#child;
    return signalCode === null ? `exit code ${exitCode}` : String(signalCode);
  }
}
