import type { Endpoint } from "../endpoint.ts";
import type { Balancer } from "./balancer.ts";

/** The first one in the order of the configuration that may be picked: the others stand by. */
export class Failover implements Balancer {
  pick(candidates: readonly Endpoint[]): Endpoint {
    return candidates[0]!;
  }
}
