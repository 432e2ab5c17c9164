import { isThisMachine, type EngineAddress } from "./engine-address.ts";

/** `auto` finds out. */
export type ReachSetting = "auto" | "network" | "published";

export interface ReachFacts {
  readonly setting: ReachSetting;
  readonly address: EngineAddress;
  /** Sluice runs in a container of this engine. */
  readonly isInside: boolean;
  /** The engine's networks cannot be reached from outside: Docker Desktop, rootless. */
  readonly isSealed: boolean;
  readonly platform: string;
}

/** Whether containers are reached by their own addresses, or by ports published on `host`. */
export function chooseReach(facts: ReachFacts): { by: "network" } | { by: "published"; host: string } {
  const { setting, address, isInside, isSealed, platform } = facts;
  const isLocal = isThisMachine(address);
  const canReachNetworks = isInside || (isLocal && !isSealed && platform === "linux");
  if (setting === "network" || (setting === "auto" && canReachNetworks)) return { by: "network" };
  return { by: "published", host: isLocal ? "127.0.0.1" : address.host! };
}
