import type { Plugin } from "../../contract/define-plugin.ts";
import { type Hooks, PHASES, TRANSFORMS } from "../../contract/hooks.ts";
import { GatewayError } from "../../model/gateway-error.ts";
import type { PluginInstanceSpec } from "../../model/snapshot-spec.ts";
import { describeHookError } from "./hook-error.ts";
import { PluginBreaker } from "./plugin-breaker.ts";
import type { SetupServices } from "./setup-services.ts";

/** A set-up that takes longer has failed. */
const SETUP_MS = 10_000;
const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 30_000;

/** Why a version with plugins cannot be served; the message says where. */
export class SetupError extends Error {}

const KNOWN: ReadonlySet<string> = new Set([...PHASES, ...TRANSFORMS]);

/** One generation of a plugin with one configuration, set up in this worker. */
export class Instance {
  readonly spec: PluginInstanceSpec;
  readonly breaker = new PluginBreaker();
  /** Empty while a set-up that may be tried again has not worked yet. */
  hooks: Hooks = {};
  plugin: Plugin | null = null;
  /** Why it is not set up; null when it is. */
  problem: string | null = null;
  /** Called when a later try of `setup` worked. */
  onReady: (() => void) | null = null;
  readonly #services: SetupServices;
  readonly #abort = new AbortController();
  readonly #held = new Set<Promise<unknown>>();
  #retry: Timer | null = null;

  constructor(spec: PluginInstanceSpec, services: SetupServices) {
    this.spec = spec;
    this.#services = services;
  }

  /** Rejects with SetupError; not where `retrySetup` says to go on without it. */
  async start(): Promise<void> {
    try {
      await this.#setUp();
    } catch (error) {
      const why = error instanceof SetupError ? error : new SetupError(this.describe("setup", error));
      if (!this.spec.retrySetup) throw why;
      this.problem = why.message;
      this.#retryLater(FIRST_RETRY_MS);
    }
  }

  describe(phase: string, cause: unknown): string {
    return describeHookError(this.spec.file, phase, cause);
  }

  /** Answers for hooks that are not there yet. */
  get unavailable(): GatewayError {
    return new GatewayError("plugin_failed", this.problem ?? "", { status: 503 });
  }

  /** What drain and close wait for. */
  hold(promise: Promise<unknown>): void {
    this.#held.add(promise);
    const over = () => void this.#held.delete(promise);
    promise.then(over, over);
  }

  /** Resolves when nothing is held any more. */
  async idle(): Promise<void> {
    while (this.#held.size > 0) await Promise.allSettled(this.#held);
  }

  /** The last request of this generation is over. */
  close(): void {
    if (this.#retry !== null) clearTimeout(this.#retry);
    this.#abort.abort(new Error(`this generation of ${this.spec.name} is closed`));
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  async #setUp(): Promise<void> {
    const { spec } = this;
    const plugin = await this.#services.load(spec.module);
    const setup = this.#services.setupOf(spec, this.#abort.signal);
    const hooks = await withDeadline(this.#services.watched(`${spec.name} setup`, () => plugin.setup(setup)));
    if (typeof hooks !== "object" || hooks === null)
      throw new SetupError(`${spec.file} setup(): returned ${String(hooks)}; it must return an object of hooks`);
    for (const [name, hook] of Object.entries(hooks)) {
      if (!KNOWN.has(name))
        throw new SetupError(`${spec.file} setup(): no phase is called "${name}" (phases: ${[...KNOWN].join(", ")})`);
      if (hook !== undefined && typeof hook !== "function")
        throw new SetupError(`${spec.file} setup(): ${name} must be a function`);
    }
    this.plugin = plugin;
    this.hooks = hooks;
    this.problem = null;
  }

  #retryLater(afterMs: number): void {
    this.#retry = setTimeout(() => {
      this.#setUp().then(
        () => this.onReady?.(),
        (error: unknown) => {
          this.problem = error instanceof SetupError ? error.message : this.describe("setup", error);
          if (!this.signal.aborted) this.#retryLater(Math.min(afterMs * 2, LONGEST_RETRY_MS));
        },
      );
    }, afterMs);
    this.#retry.unref();
  }
}

async function withDeadline<T>(result: T | Promise<T>): Promise<T> {
  if (!(result instanceof Promise)) return result;
  let timer: Timer | null = null;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`took longer than ${SETUP_MS / 1000} s`)), SETUP_MS);
  });
  try {
    return await Promise.race([result, late]);
  } finally {
    clearTimeout(timer!);
  }
}
