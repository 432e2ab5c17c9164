import { isIP } from "node:net";
import { didYouMean } from "../../../contract/edit-distance.ts";
import { parseDuration } from "../../../contract/units.ts";
import { plainAddress } from "../../../proxy/client-address.ts";
import { type FieldProblem, type Registration, RegistryRefusal } from "./instance.ts";

/** What reading a registration came to. */
export interface ReadRegistration {
  readonly registration: Registration;
  /** Fields that mean nothing here: told, because one of them may be a slip. */
  readonly ignored: readonly string[];
}

const FIELDS = ["id", "service", "address", "port", "metadata", "ttl"] as const;

const ID = /^[A-Za-z0-9][A-Za-z0-9._:@-]{0,127}$/;
const SERVICE = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const KEY = /^[A-Za-z][A-Za-z0-9._-]{0,63}$/;
const HOST = /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$/;
const MAX_KEYS = 64;
const MAX_VALUE_LENGTH = 256;
const MAX_METADATA_BYTES = 8 * 1024;
const MAX_WEIGHT = 1_000_000;
const MIN_TTL_MS = 1_000;
const MAX_TTL_MS = 24 * 3_600_000;

/**
 * Reads what a service says of itself: `{id, service, address, port, metadata{weight, version, …}, ttl}`. Numbers may come as text.
 * @throws RegistryRefusal with all that is wrong with it
 */
export function readRegistration(value: unknown): ReadRegistration {
  if (!isRecord(value))
    throw new RegistryRefusal("invalid_registration", `expected a JSON object, got ${describe(value)}`);
  const reader = new Reader(value);
  const metadata = reader.metadata();
  const registration: Registration = {
    id: reader.name("id", ID, "1 to 128 letters, digits and . _ : @ -, the first one a letter or digit"),
    service: reader.name("service", SERVICE, "1 to 64 letters, digits and . _ -, the first one a letter or digit"),
    scheme: reader.scheme(metadata),
    address: reader.address(),
    port: reader.wholeNumber("port", value["port"], { min: 1, max: 65535 }),
    weight: reader.weight(metadata),
    metadata,
    ttlMs: reader.ttl(),
  };
  reader.health(metadata);
  if (reader.problems.length > 0) throw new RegistryRefusal("invalid_registration", says(reader), reader.problems);
  return { registration, ignored: Object.keys(value).filter((key) => !(FIELDS as readonly string[]).includes(key)) };
}

/** The id of an instance. @throws RegistryRefusal */
export function readId(value: unknown): string {
  const reader = new Reader({ id: value });
  const id = reader.name("id", ID, "1 to 128 letters, digits and . _ : @ -, the first one a letter or digit");
  if (reader.problems.length > 0) throw new RegistryRefusal("bad_request", says(reader), reader.problems);
  return id;
}

function says({ problems }: Reader): string {
  return problems.map(({ path, message }) => `${path}: ${message}`).join("; ");
}

/** Reads field by field and goes on after a mistake, so that all of them are told at once. */
class Reader {
  readonly problems: FieldProblem[] = [];
  readonly #value: Readonly<Record<string, unknown>>;

  constructor(value: Readonly<Record<string, unknown>>) {
    this.#value = value;
  }

  name(key: "id" | "service", pattern: RegExp, wants: string): string {
    const value = this.#value[key];
    if (value === undefined) this.#missing(key);
    else if (typeof value !== "string") this.#problem(key, `expected text, got ${describe(value)}`);
    else if (!pattern.test(value)) this.#problem(key, `expected ${wants}, got ${describe(value)}`);
    else return value;
    return "";
  }

  address(): string {
    const value = this.#value["address"];
    if (value === undefined) this.#missing("address");
    else if (typeof value !== "string") this.#problem("address", `expected text, got ${describe(value)}`);
    else {
      const read = readAddress(value);
      if (typeof read === "string") return read;
      this.#problem("address", read.problem, read.hint);
    }
    return "";
  }

  wholeNumber(path: string, value: unknown, { min, max }: { min: number; max: number }): number {
    if (value === undefined) this.#missing(path);
    else {
      const number = typeof value === "string" && /^\d{1,9}$/.test(value) ? Number(value) : value;
      if (typeof number === "number" && Number.isInteger(number) && number >= min && number <= max) return number;
      this.#problem(path, `expected a whole number from ${min} to ${max}, got ${describe(value)}`);
    }
    return min;
  }

  weight(metadata: Readonly<Record<string, string>>): number {
    const { weight } = metadata;
    return weight === undefined ? 1 : this.wholeNumber("metadata.weight", weight, { min: 0, max: MAX_WEIGHT });
  }

  /** How the instance is checked: by a path, or by a connection alone. */
  health({ health = "tcp", healthPath = health }: Readonly<Record<string, string>>): void {
    if (healthPath === "tcp" || /^\/[!-"$-~]*$/.test(healthPath)) return;
    this.#problem("metadata.health", `expected a path such as /health, or tcp, got ${describe(healthPath)}`);
  }

  scheme({ scheme = "http" }: Readonly<Record<string, string>>): "http" | "https" {
    if (scheme === "http" || scheme === "https") return scheme;
    this.#problem("metadata.scheme", `expected http or https, got ${describe(scheme)}`);
    return "http";
  }

  ttl(): number | null {
    const value = this.#value["ttl"];
    if (value === undefined || value === null || value === "") return null;
    const isQuantity = typeof value === "string" || typeof value === "number";
    const ms = isQuantity ? parseDuration(String(value)) : null;
    if (ms !== null && ms >= MIN_TTL_MS && ms <= MAX_TTL_MS) return ms;
    // A bare number is ms, as everywhere in Sluice; whoever writes 30 means seconds.
    const hint = ms !== null && ms < MIN_TTL_MS && ms > 0 ? `a bare number is ms: "${String(value)}s"?` : undefined;
    this.#problem("ttl", `expected a duration from 1s to 24h such as "30s", got ${describe(value)}`, hint);
    return null;
  }

  metadata(): Readonly<Record<string, string>> {
    const value = this.#value["metadata"] ?? {};
    if (!isRecord(value)) {
      this.#problem("metadata", `expected an object, got ${describe(value)}`);
      return {};
    }
    const entries = Object.entries(value);
    const bytes = Buffer.byteLength(JSON.stringify(value));
    if (entries.length > MAX_KEYS) this.#problem("metadata", `has ${entries.length} keys; at most ${MAX_KEYS}`);
    else if (bytes > MAX_METADATA_BYTES)
      this.#problem("metadata", `has ${bytes} bytes; at most ${MAX_METADATA_BYTES / 1024} KiB`);
    else return Object.fromEntries(entries.flatMap(([key, item]) => this.#word(key, item)));
    return {};
  }

  #word(key: string, value: unknown): Array<[string, string]> {
    if (!KEY.test(key)) {
      this.#problem("metadata", `${describe(key)} is not a key: a letter, then at most 63 letters, digits and . _ -`);
      return [];
    }
    const isScalar = typeof value === "string" || typeof value === "boolean" || Number.isFinite(value);
    // Of what is no scalar, anything may be its toString.
    const text = isScalar ? String(value) : "";
    if (isScalar && text.length <= MAX_VALUE_LENGTH && !/\p{Cc}/u.test(text)) return [[key, text]];
    const wants = `expected text of at most ${MAX_VALUE_LENGTH} characters without control characters`;
    this.#problem(`metadata.${key}`, `${wants}, got ${describe(value)}`);
    return [];
  }

  #missing(path: string): void {
    const others = Object.keys(this.#value).filter((key) => !(FIELDS as readonly string[]).includes(key));
    const slip = others.find((other) => didYouMean(other, [path]) !== undefined);
    this.#problem(path, "is missing", slip === undefined ? undefined : `is ${describe(slip)} meant to be it?`);
  }

  #problem(path: string, message: string, hint?: string): void {
    this.problems.push(hint === undefined ? { path, message } : { path, message, hint });
  }
}

/** An address or name as it is dialled, or what is wrong with it. */
function readAddress(text: string): string | { problem: string; hint?: string } {
  const host = (/^\[(.*)\]$/.exec(text)?.[1] ?? text).toLowerCase().replace(/(?<=[a-z0-9_])\.$/, "");
  if (isIP(host) !== 0 && !host.includes("%")) return plainAddress(host);
  const problem = `expected an IP address or a host name, got ${describe(text)}`;
  if (host.includes("://")) return { problem, hint: "without a scheme; https is metadata.scheme" };
  if (/^[^:]+:\d+$/.test(host)) return { problem, hint: "the port is a field of its own" };
  if (host.includes("%")) return { problem, hint: "link-local addresses with a zone cannot be registered" };
  if (!HOST.test(host)) return { problem };
  // `127.1`, `0x7f.0.0.1` and `2130706433` are addresses to resolvers: they are taken in one spelling only.
  if (/^(0x[0-9a-f]*|\d+)$/.test(host.slice(host.lastIndexOf(".") + 1)))
    return { problem, hint: "write an IPv4 address as four decimal numbers" };
  return host;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** For messages: short, whatever it is. */
function describe(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "an object";
  const text = typeof value === "string" ? JSON.stringify(value) : String(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
