import type { Static, TSchema } from "@sinclair/typebox";
import type { Hooks } from "./hooks.ts";
import type { Setup } from "./services.ts";

export interface BodyOptions {
  /** Transforms get decoded bytes; a coding that is not known fails closed. */
  readonly decode?: boolean;
  /** Transforms see whole representations only: Range is not asked for, and a 206 is refused. */
  readonly wholeOnly?: boolean;
  /** For `ctx.body`; default 1 MiB. */
  readonly limitBytes?: number;
}

/** A key that `Hooks` does not have, a misspelt phase, does not compile. */
export type Exact<H> = [Exclude<keyof H, keyof Hooks>] extends [never]
  ? unknown
  : { readonly setup: `no phase is called "${Exclude<keyof H, keyof Hooks> & string}"` };

/** What an author writes down. `provides` and `needs` are examples: their types matter, and their keys. */
export interface PluginDefinition<C extends TSchema, P, N, H> {
  readonly name: string;
  readonly config: C;
  readonly provides?: P;
  readonly needs?: N;
  /** Of each hook that waits; waiting for body bytes does not count. Default 1,000. */
  readonly limits?: { readonly timeoutMs?: number };
  /** What a hook's failure does: `fail` answers 502 `plugin_failed`. Default `fail`. */
  readonly onError?: "fail" | "continue";
  readonly bodyOptions?: BodyOptions;
  setup(setup: Setup<Static<C>>): H | Promise<H>;
}

const BRAND = Symbol.for("sluice.plugin");

/** A defined plugin: a file's default export. */
export interface Plugin<P = object> {
  readonly name: string;
  readonly config: TSchema;
  /** For another plugin's `needs`. */
  readonly provides: P;
  readonly needs: object;
  readonly limits: { readonly timeoutMs: number };
  readonly onError: "fail" | "continue";
  readonly bodyOptions: Required<BodyOptions>;
  setup(setup: Setup<unknown>): Hooks | Promise<Hooks>;
}

export const DEFAULT_TIMEOUT_MS = 1000;
export const DEFAULT_BODY_LIMIT_BYTES = 1024 * 1024;

/** A plugin, completed with defaults. @throws TypeError where a field could not be what it is */
export function definePlugin<C extends TSchema, P = {}, N = {}, H extends Hooks<P & N> = Hooks<P & N>>(
  definition: PluginDefinition<C, P, N, H> & Exact<H>,
): Plugin<P> {
  const { name, limits, onError = "fail", bodyOptions = {} } = definition;
  if (typeof name !== "string" || !/^[A-Za-z0-9._-]+$/.test(name))
    throw new TypeError(`a plugin's name is made of letters, digits, ".", "_" and "-", not ${JSON.stringify(name)}`);
  if (typeof definition.setup !== "function") throw new TypeError(`plugin ${name} has no setup function`);
  if (typeof definition.config !== "object" || definition.config === null)
    throw new TypeError(`plugin ${name} has no config schema; t.Object({}) is one without fields`);
  const plugin = {
    name,
    config: definition.config,
    provides: definition.provides ?? ({} as P),
    needs: definition.needs ?? {},
    limits: { timeoutMs: limits?.timeoutMs ?? DEFAULT_TIMEOUT_MS },
    onError,
    bodyOptions: {
      decode: bodyOptions.decode ?? false,
      wholeOnly: bodyOptions.wholeOnly ?? false,
      limitBytes: bodyOptions.limitBytes ?? DEFAULT_BODY_LIMIT_BYTES,
    },
    // The boundary: outside this call nobody knows the plugin's own types.
    setup: definition.setup as unknown as Plugin["setup"],
    [BRAND]: true,
  };
  return Object.freeze(plugin);
}

export function isPlugin(value: unknown): value is Plugin {
  return typeof value === "object" && value !== null && BRAND in value;
}
