import type { Clock, ProxyEvent } from "../../model/ports.ts";
import type { Ticker } from "../ticker.ts";
import type { PluginHost } from "./plugin-host.ts";

/** What every hook of a snapshot shares. */
export interface HookEnvironment {
  readonly clock: Clock;
  readonly ticker: Ticker;
  readonly host: PluginHost;
  readonly serverTiming: boolean;
  readonly showErrors: boolean;
  event(event: ProxyEvent): void;
  hasUpstream(name: string): boolean;
}
