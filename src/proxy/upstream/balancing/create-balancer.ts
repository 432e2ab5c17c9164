import type { Random } from "../../../model/ports.ts";
import type { BalanceSpec } from "../../../model/snapshot-spec.ts";
import type { Endpoint } from "../endpoint.ts";
import type { Balancer } from "./balancer.ts";
import { Ewma } from "./ewma.ts";
import { Failover } from "./failover.ts";
import { Hash } from "./hash.ts";
import { LeastConnections } from "./least-connections.ts";
import { P2c } from "./p2c.ts";
import { RandomChoice } from "./random.ts";
import { RoundRobin } from "./round-robin.ts";

/** @param endpoints all of the upstream's, whether or not they may be picked now. */
export function createBalancer(spec: BalanceSpec, endpoints: readonly Endpoint[], random: Random): Balancer {
  switch (spec.policy) {
    case "round-robin":
      return new RoundRobin(endpoints);
    case "least-connections":
      return new LeastConnections();
    case "p2c":
      return new P2c(random);
    case "ewma":
      return new Ewma(random);
    case "random":
      return new RandomChoice(random);
    case "failover":
      return new Failover();
    case "hash":
      return new Hash(spec.by);
  }
}
