import type { Clock } from "../../../model/ports.ts";
import type { Ticker } from "../../ticker.ts";
import { createFetchTransport } from "./fetch-transport.ts";
import { WireTransport } from "./wire-transport.ts";
import type { TransportFactory } from "./transport-registry.ts";

export interface TransportDeps {
  readonly clock: Clock;
  readonly fast: Ticker;
}

export function createTransports(deps: TransportDeps): TransportFactory {
  return {
    fetch: (spec) => createFetchTransport(spec, deps),
    wire: (spec) => new WireTransport(spec, deps.fast),
  };
}
