import { readFile } from "node:fs/promises";
import { isIP } from "node:net";
import { plainAddress } from "../../../proxy/client-address.ts";
import { type Resolve, resolveBySystem } from "../../../proxy/upstream/resolve.ts";
import { ABSENT_TTL_MS, type Found, type SrvRecord } from "./dns-records.ts";
import type { AddressFamily, DnsResolver } from "./dns-resolver.ts";

export interface MachineResolverParts {
  readonly dns: DnsResolver;
  readonly family?: AddressFamily;
  /** The text of the machine's hosts file. */
  readonly hosts?: () => Promise<string>;
  /** With search domains and whatever else the machine is set up to ask. */
  readonly bySystem?: Resolve;
}

/**
 * As the machine would: its hosts file, then DNS for as long as the TTL says, then, for what DNS does not know, the machine's own
 * resolver with its search domains (`api` in a cluster). The first and the last know no TTL and are asked every 5 s.
 */
export class MachineResolver implements DnsResolver {
  readonly #parts: Required<MachineResolverParts>;

  constructor(parts: MachineResolverParts) {
    this.#parts = { family: "auto", hosts: readHosts, bySystem: resolveBySystem, ...parts };
  }

  async addresses(name: string, signal: AbortSignal): Promise<Found<string>> {
    const { dns, hosts, bySystem } = this.#parts;
    const written = addressesIn(await hosts().catch(() => ""), name);
    if (written.length > 0) return this.#found(written);
    const answer = await dns.addresses(name, signal);
    if (answer.records.length > 0) return answer;
    // It says "not found" in many ways, and DNS has said so already.
    return this.#found(await bySystem(name).catch(() => []));
  }

  services(name: string, signal: AbortSignal): Promise<Found<SrvRecord>> {
    return this.#parts.dns.services(name, signal);
  }

  #found(addresses: readonly string[]): Found<string> {
    return { records: ofFamily([...new Set(addresses)], this.#parts.family), ttlMs: ABSENT_TTL_MS };
  }
}

function ofFamily(addresses: readonly string[], family: AddressFamily): readonly string[] {
  const four = addresses.filter((address) => isIP(address) === 4);
  if (family === "ipv4" || (family === "auto" && four.length > 0)) return four;
  return family === "both" ? addresses : addresses.filter((address) => isIP(address) === 6);
}

function readHosts(): Promise<string> {
  return readFile("/etc/hosts", "utf8");
}

/** Those of a name (in lower case) in the text of a hosts file. */
function addressesIn(hosts: string, name: string): string[] {
  return hosts.split("\n").flatMap((line) => {
    const [address = "", ...names] = line.replace(/#.*/, "").trim().split(/\s+/);
    return isIP(address) !== 0 && names.some((one) => one.toLowerCase() === name) ? [plainAddress(address)] : [];
  });
}
