import type { ListenerSpec } from "../model/snapshot-spec.ts";
import { claimAddresses } from "../proxy/listener/listener-set.ts";

/** Addresses that are ours already are shared, not claimed. @throws BindError when somebody else has a new one */
export async function claimNewAddresses(ours: readonly ListenerSpec[], wanted: readonly ListenerSpec[]): Promise<void> {
  const mine = new Set(ours.map(addressOf));
  await claimAddresses(wanted.filter((listener) => !mine.has(addressOf(listener))));
}

function addressOf({ host, port }: ListenerSpec): string {
  return `${host} ${port}`;
}
