import { lookup } from "node:dns/promises";
import { plainAddress } from "../client-address.ts";

/** Every address of a name, in the order to try them; rejects when there is none. */
export type Resolve = (name: string) => Promise<readonly string[]>;

/** As the machine resolves names, its hosts file included. */
export const resolveBySystem: Resolve = async (name) => {
  const found = await lookup(name, { all: true });
  return found.map((entry) => plainAddress(entry.address));
};
