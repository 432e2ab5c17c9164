import { hash } from "node:crypto";
import type { Exchange, Identity } from "../../model/exchange.ts";
import type { RateKeySpec } from "../../model/traffic-spec.ts";
import { addressKey } from "./address-key.ts";

/**
 * Whose count a request goes to. What it counts by may be missing (no such header, nobody authenticated): then the client's
 * address stands in its place, so that leaving it out frees nobody.
 */
export interface RateKey {
  /** What it counts by, for people: `clientIp`, `route+header:x-tenant`. */
  readonly by: string;
  /** Known only after authentication. */
  readonly needsIdentity: boolean;
  of(exchange: Exchange): string;
}

/** What one part of a key is; null: the request has none, or it is the client's address. */
type Part = (exchange: Exchange) => string | null;

/**
 * @param secret the keys leave this process: what a client wrote into a header, or a token says, goes as its hash
 */
export function compileRateKey(by: readonly RateKeySpec[], secret: boolean): RateKey {
  const parts = by.map((spec) => partOf(spec, secret));
  const only = by.length === 1 ? by[0]!.kind : null;
  return {
    by: by.map(nameOf).join("+"),
    needsIdentity: by.some(({ kind }) => kind === "identity" || kind === "claim"),
    of: only === "clientIp" ? addressOf : parts.length === 1 ? single(parts[0]!) : joined(parts),
  };
}

function nameOf(spec: RateKeySpec): string {
  return "name" in spec ? `${spec.kind}:${spec.name}` : spec.kind;
}

function addressOf(exchange: Exchange): string {
  return addressKey(exchange.clientIp);
}

// A sign in front: nobody gets at an address's count by writing the address into a header.
function single(part: Part): RateKey["of"] {
  return (exchange) => {
    const value = part(exchange);
    return value === null ? addressOf(exchange) : `=${value}`;
  };
}

// With its length before each part: however a client cuts its values, two lists never make one key.
function joined(parts: readonly Part[]): RateKey["of"] {
  return (exchange) => {
    let key = "";
    for (const part of parts) {
      const value = part(exchange);
      const text = value === null ? addressOf(exchange) : `=${value}`;
      key += `${text.length}:${text}`;
    }
    return key;
  };
}

function partOf(spec: RateKeySpec, secret: boolean): Part {
  switch (spec.kind) {
    case "clientIp":
      return () => null;
    case "route":
      return ({ route }) => route?.id ?? "";
    case "identity":
      return ({ identity }) => (identity === null ? null : idOf(identity));
    case "header":
      return guarded(headerPart(spec.name.toLowerCase()), secret);
    case "claim":
      return guarded(claimPart(spec.name), secret);
  }
}

function idOf({ by, id }: Identity): string {
  return `${by.length}:${by}${id}`;
}

function guarded(part: Part, secret: boolean): Part {
  if (!secret) return part;
  return (exchange) => {
    const value = part(exchange);
    return value === null ? null : hash("sha256", value, "base64url");
  };
}

/** A header that is empty or there twice says nothing: who reads the first one counts for another than who reads the last. */
function headerPart(name: string): Part {
  return ({ outgoing: { headers } }) => {
    const at = headers.indexOf(name);
    if (at < 0 || headers.indexOf(name, at + 1) >= 0) return null;
    return headers.rawValues[at] || null;
  };
}

/** Only what is one value. */
function claimPart(name: string): Part {
  return ({ identity }) => {
    const claims = identity?.claims;
    if (claims === undefined || !Object.hasOwn(claims, name)) return null;
    const value = claims[name];
    if (typeof value === "string") return value || null;
    return typeof value === "number" || typeof value === "boolean" ? String(value) : null;
  };
}
