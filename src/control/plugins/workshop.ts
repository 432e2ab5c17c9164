import type { Subprocess } from "bun";
import type { FromWorkshop, WorkshopDialogue, WorkshopVerb } from "./dialogue.ts";

export interface WorkshopOptions {
  /** Starts a workshop process. */
  readonly command: readonly string[];
  /** A question that takes longer ends the process. */
  readonly patienceMs?: number;
  /** Without a question for so long, the process ends. */
  readonly idleMs?: number;
  /** Each import stays in memory for good: after so many loads another process takes over. */
  readonly maxLoads?: number;
}

/** Why a question has no answer, in words that follow a file's name. */
export class WorkshopProblem extends Error {}

interface Waiting {
  readonly resolve: (answer: never) => void;
  readonly reject: (error: Error) => void;
}

/**
 * A process in which plugins are bundled and imported: what their top level does, looping and crashing included, happens there. It starts
 * with the first question, answers one at a time, and is replaced before it grows.
 */
export class Workshop {
  readonly #options: Required<WorkshopOptions>;
  #child: Child | null = null;
  #last: Promise<unknown> = Promise.resolve();
  #idle: Timer | null = null;
  #started = 0;

  constructor(options: WorkshopOptions) {
    this.#options = { patienceMs: 10_000, idleMs: 60_000, maxLoads: 200, ...options };
  }

  /** How many processes there have been. */
  get started(): number {
    return this.#started;
  }

  get isRunning(): boolean {
    return this.#child !== null;
  }

  /** @throws WorkshopProblem */
  ask<V extends WorkshopVerb>(verb: V, ask: WorkshopDialogue[V]["ask"]): Promise<WorkshopDialogue[V]["answer"]> {
    const asked = this.#last.then(() => this.#askNow(verb, ask));
    this.#last = asked.catch(() => undefined);
    return asked;
  }

  close(): void {
    if (this.#idle !== null) clearTimeout(this.#idle);
    this.#child?.kill();
    this.#child = null;
  }

  async #askNow<V extends WorkshopVerb>(
    verb: V,
    ask: WorkshopDialogue[V]["ask"],
  ): Promise<WorkshopDialogue[V]["answer"]> {
    if (this.#idle !== null) clearTimeout(this.#idle);
    if (verb === "load" && (this.#child?.loads ?? 0) >= this.#options.maxLoads) this.close();
    const child = this.#child?.isAlive === true ? this.#child : this.#start();
    if (verb === "load") child.loads++;
    try {
      return await child.ask(verb, ask, this.#options.patienceMs);
    } finally {
      if (!child.isAlive) this.#child = null;
      this.#idle = setTimeout(() => this.close(), this.#options.idleMs);
      this.#idle.unref();
    }
  }

  #start(): Child {
    this.#started++;
    this.#child = new Child(this.#options.command);
    return this.#child;
  }
}

class Child {
  isAlive = true;
  loads = 0;
  readonly #process: Subprocess;
  #waiting: Waiting | null = null;
  readonly #onExit = () => this.#process.kill("SIGKILL");

  constructor(command: readonly string[]) {
    this.#process = Bun.spawn([...command], {
      // What a plugin prints while it is looked at is not an answer of the command that looks.
      stdio: ["ignore", 2, 2],
      ipc: (message: FromWorkshop) => this.#hear(message),
    });
    // A proxy that serves is not kept waiting by its workshop, nor a command that is done.
    this.#process.unref();
    process.on("exit", this.#onExit);
    void this.#process.exited.then(() => this.#gone(new WorkshopProblem("ends the process when it is loaded")));
  }

  ask(verb: WorkshopVerb, ask: unknown, patienceMs: number): Promise<never> {
    // Until the answer is there, somebody does wait.
    this.#process.ref();
    const late = setTimeout(() => {
      const seconds = patienceMs / 1000;
      this.#gone(new WorkshopProblem(`does not come to an end when it is loaded: stopped after ${seconds} s`));
      this.kill();
    }, patienceMs);
    return new Promise<never>((resolve, reject) => {
      this.#waiting = { resolve, reject };
      try {
        this.#process.send({ id: 0, verb, ask });
      } catch {
        this.#gone(new WorkshopProblem("ends the process when it is loaded"));
      }
    }).finally(() => {
      clearTimeout(late);
      this.#process.unref();
    });
  }

  kill(): void {
    this.isAlive = false;
    process.off("exit", this.#onExit);
    this.#process.kill("SIGKILL");
  }

  #hear(message: FromWorkshop): void {
    if (message.kind === "ready") return;
    const waiting = this.#waiting;
    this.#waiting = null;
    if (message.kind === "answer") waiting?.resolve(message.answer as never);
    else waiting?.reject(new WorkshopProblem(message.reason));
  }

  #gone(problem: WorkshopProblem): void {
    this.isAlive = false;
    process.off("exit", this.#onExit);
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.reject(problem);
  }
}
