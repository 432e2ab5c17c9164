import { GatewayError } from "../../../model/gateway-error.ts";
import type { DialGuard } from "../../../proxy/upstream/dial-guard.ts";
import { Endpoint } from "../../../proxy/upstream/endpoint.ts";
import type { Registration } from "./instance.ts";

/** Why this may not be registered, or null. */
export type AddressVet = (registration: Pick<Registration, "scheme" | "address" | "port">) => Promise<string | null>;

export interface AddressVetParts {
  /** The rules that hold for traffic. */
  readonly guard: Pick<DialGuard, "check">;
  /** Whether an address and port lead to our own admin listener. */
  readonly isOurs: (address: string, port: number) => boolean;
  /** For names. Default 2000. */
  readonly patienceMs?: number;
}

/**
 * Refuses addresses that would never be dialled. A name is looked up, and one that nobody knows yet is taken: its container may not
 * have started. What it leads to is judged again whenever it is dialled, so that a name cannot change its mind.
 */
export function createAddressVet({ guard, isOurs, patienceMs = 2_000 }: AddressVetParts): AddressVet {
  return async ({ scheme, address, port }) => {
    if (isOurs(address, port)) return OURS;
    const spec = { scheme, host: address, port, weight: 1, basePath: "", discovered: true };
    const verdict = await inTime(guard.check(new Endpoint("registry", spec)), patienceMs);
    if (verdict === null) return null;
    if (verdict instanceof GatewayError) return verdict.kind === "upstream_forbidden" ? verdict.detail : null;
    return verdict.some((found) => isOurs(found, port)) ? OURS : null;
  };
}

const OURS = "it is Sluice's own admin listener";

/** null: it takes too long. */
async function inTime<T>(verdict: T | Promise<T>, ms: number): Promise<T | null> {
  if (!(verdict instanceof Promise)) return verdict;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<null>((resolve) => (timer = setTimeout(() => resolve(null), ms)));
  return Promise.race([verdict, late]).finally(() => clearTimeout(timer));
}
