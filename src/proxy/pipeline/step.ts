import type { Phase } from "../../contract/hooks.ts";
import type { GatewayError } from "../../model/gateway-error.ts";
import type { PluginUseSpec } from "../../model/snapshot-spec.ts";
import type { Instance } from "./instance.ts";
import type { Timing } from "./timings.ts";

/** What a hook may come to: nothing, an answer, or why the exchange fails. */
export type Outcome = Response | GatewayError | undefined;

/** A hook of one plugin at one place of a route's list. */
export interface Step {
  readonly phase: Phase;
  readonly instance: Instance;
  readonly use: PluginUseSpec;
  /** Of `HookWatch`. */
  readonly label: number;
  readonly timing: Timing;
  /** Phases differ in what their context has; the contract's types see to that at the plugin's side. */
  readonly run: (ctx: never) => unknown;
}

/** A body transform of one plugin. */
export interface TransformStep {
  readonly name: "requestBody" | "responseBody";
  readonly instance: Instance;
  readonly use: PluginUseSpec;
  readonly label: number;
  readonly timing: Timing;
  readonly make: (ctx: never) => unknown;
}
