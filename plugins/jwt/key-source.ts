import type { KeyObject } from "node:crypto";
import {
  type CompactJWSHeaderParameters,
  createLocalJWKSet,
  type CryptoKey,
  errors,
  type FlattenedJWSInput,
  type JSONWebKeySet,
  type JWK,
} from "jose";
import type { Setup } from "sluice";
import { readPem, type Settings } from "./config.ts";

type Key = CryptoKey | KeyObject | Uint8Array;

/** Finds the keys that may have signed a token: nearly always one. @throws KeysUnavailable, or an error of jose */
export type KeySource = (header: CompactJWSHeaderParameters, token: FlattenedJWSInput) => Promise<readonly Key[]>;

/** A key set could not be had, so nobody can say whether the token is good. */
export class KeysUnavailable extends Error {}

const MAX_KEY_SET_BYTES = 1024 * 1024;
/** A token without `kid` may fit several keys; trying more would make such tokens a way to burn CPU. */
const MAX_CANDIDATES = 4;
const FAILURE_MS = 2000;

type LocalSet = ReturnType<typeof createLocalJWKSet>;
type Services = Pick<Setup<Settings>, "config" | "log" | "cache" | "fetch" | "signal" | "every">;

/** @throws Error when a key cannot be read */
export function keySourceOf(services: Services): KeySource {
  const { config } = services;
  if (config.secret !== undefined) return constant(Buffer.from(config.secret));
  if (config.publicKey !== undefined) return constant(readPem(config.publicKey));
  if (config.keys !== undefined) {
    const set = readSet({ keys: config.keys });
    return (header, token) => candidates(set, header, token);
  }
  const urls = typeof config.jwks === "string" ? [config.jwks] : config.jwks!;
  const sets = urls.map((url) => new RemoteSet(checkedUrl(url, services), services));
  const renew = async (): Promise<void> => {
    await Promise.allSettled(sets.map((set) => set.current()));
  };
  // At once, so that a wrong URL is in the log when Sluice starts and the first request does not wait; then also while no requests
  // come, so that a key which was withdrawn meanwhile does not open the door once more.
  void renew();
  services.every(config.refresh / 2, renew);
  return (header, token) => fromRemote(sets, header, token);
}

function constant(key: Key): KeySource {
  const keys = Promise.resolve([key]);
  return () => keys;
}

/** Without shared secrets, which have no business in a set of public keys. @throws Error when it is no key set */
function readSet(value: unknown): LocalSet {
  const keys = typeof value === "object" && value !== null && "keys" in value ? value.keys : null;
  if (!Array.isArray(keys)) throw new Error("a key set is an object with a list of `keys` (RFC 7517)");
  const usable = keys.filter(
    (key: JWK) => typeof key === "object" && key !== null && typeof key.kty === "string" && key.kty !== "oct",
  );
  if (usable.length === 0) throw new Error("the key set has no public key");
  return createLocalJWKSet({ keys: usable } as JSONWebKeySet);
}

function checkedUrl(url: string, { log }: Services): string {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  if (parsed === null || !["https:", "http:", "upstream:"].includes(parsed.protocol))
    throw new Error(
      `jwks: ${JSON.stringify(url)} is no URL such as https://idp.example.com/.well-known/jwks.json or upstream://idp/jwks`,
    );
  if (parsed.protocol === "http:" && !/^(?:localhost|127\..*|\[::1\])$/.test(parsed.hostname))
    log.warn("jwks is fetched without TLS: whoever stands between can make tokens of their own", { host: parsed.host });
  return url;
}

async function candidates(
  set: LocalSet,
  header: CompactJWSHeaderParameters,
  token: FlattenedJWSInput,
): Promise<readonly Key[]> {
  try {
    return [await set(header, token)];
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
    const keys: Key[] = [];
    for await (const key of error) if (keys.push(key) === MAX_CANDIDATES) break;
    return keys;
  }
}

/** Looks in every set; then, as keys rotate, once more in sets that are new. */
async function fromRemote(
  sets: readonly RemoteSet[],
  header: CompactJWSHeaderParameters,
  token: FlattenedJWSInput,
): Promise<readonly Key[]> {
  let unavailable: unknown = null;
  for (const ask of ["current", "renewed"] as const) {
    for (const remote of sets) {
      try {
        const set = await remote[ask]();
        if (set !== null) return await candidates(set, header, token);
      } catch (error) {
        if (error instanceof KeysUnavailable) unavailable = error;
        else if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      }
    }
  }
  throw unavailable ?? new errors.JWKSNoMatchingKey();
}

/** The key set behind a URL, kept as `refresh`, `staleIfError` and `cooldown` say. */
class RemoteSet {
  readonly #url: string;
  readonly #services: Services;

  constructor(url: string, services: Services) {
    this.#url = url;
    this.#services = services;
  }

  /** @throws KeysUnavailable */
  current(): Promise<LocalSet> {
    const { cache, config } = this.#services;
    const options = { ttlMs: config.refresh, staleMs: config.staleIfError };
    return cache.get(
      `set ${this.#url}`,
      async () => {
        const set = await this.#attempt();
        if (set === null) throw new KeysUnavailable();
        return set;
      },
      options,
    );
  }

  /** For a key that is not there: fetched again unless that was just done. null: it could not be had. */
  async renewed(): Promise<LocalSet | null> {
    const set = await this.#attempt();
    if (set === null) return null;
    this.#services.cache.delete(`set ${this.#url}`);
    return this.current();
  }

  /** At most one fetch per `cooldown`; a failure is forgotten sooner. */
  #attempt(): Promise<LocalSet | null> {
    const { cache, config } = this.#services;
    const options = { ttlMs: config.cooldown, negativeMs: Math.min(config.cooldown, FAILURE_MS) };
    return cache.get(`attempt ${this.#url}`, () => this.#fetch(), options);
  }

  async #fetch(): Promise<LocalSet | null> {
    const { fetch, log, signal, config } = this.#services;
    try {
      const response = await fetch(this.#url, {
        headers: { Accept: "application/jwk-set+json, application/json" },
        redirect: "error",
        signal: AbortSignal.any([signal, AbortSignal.timeout(config.fetchTimeout)]),
      });
      if (response.status !== 200) throw new Error(`status ${response.status}`);
      return readSet(JSON.parse(await textWithin(response, MAX_KEY_SET_BYTES)));
    } catch (error) {
      if (!signal.aborted) log.warn("the key set could not be fetched", { reason: String(error) });
      return null;
    }
  }
}

async function textWithin(response: Response, limit: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.byteLength;
    if (length > limit) throw new Error(`it is longer than ${limit} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
