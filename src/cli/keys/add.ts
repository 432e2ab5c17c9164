import { createHmac, randomBytes } from "node:crypto";
import { stringify } from "yaml";
import type { Io } from "../../main.ts";
import { parseArguments } from "../arguments.ts";

const USAGE = `usage: sluice keys add NAME [--scopes a,b] [--expires DATE]

  NAME       whose key it is: the identity that limits, logs and plugins see
  --scopes   what it may do
  --expires  when it ends, as 2027-01-31 (midnight UTC) or 2027-01-31T12:00:00Z; default: never

The key and its entry for security.auth.keys go to standard output, once; nothing is stored.`;

/**
 * A salt keeps short secrets from being looked up in a table of hashes; 256 random bits are in no table. So all keys share this one,
 * and a request costs one HMAC however many there are.
 */
const SALT = "sluice";
const LONGEST_NAME = 100;
/** Quoted: a date stays a text whoever reads it. */
const STYLE = { lineWidth: 0, defaultKeyType: "PLAIN", defaultStringType: "QUOTE_DOUBLE" } as const;

/** `sluice keys add`: a random key, its hash to put in the configuration, and no trace of either. */
export function run(args: string[], io: Io): number {
  const parsed = parseArguments(args, { values: ["scopes", "expires"], switches: ["help"], words: 1 });
  if ("usage" in parsed) return usage(io, parsed.usage);
  if (parsed.switches.has("help")) {
    io.out(USAGE);
    return 0;
  }
  const [name] = parsed.words;
  if (name === undefined) return usage(io, "NAME is needed");
  const scopes = (parsed.values.scopes ?? "").split(",").map((scope) => scope.trim());
  const { expires } = parsed.values;
  const problem =
    nameProblem(name) ??
    (parsed.values.scopes === undefined ? null : scopesProblem(scopes)) ??
    (expires === undefined ? null : expiryProblem(expires, Date.now()));
  if (problem !== null) return usage(io, problem);
  const key = `slk_${randomBytes(32).toString("base64url")}`;
  const entry = {
    name,
    hash: `hmac-sha256:${SALT}:${createHmac("sha256", SALT).update(key).digest("hex")}`,
    ...(parsed.values.scopes === undefined ? {} : { scopes }),
    ...(expires === undefined ? {} : { expires }),
  };
  io.err("The key, shown this once, and below it the entry for security.auth.keys:\n");
  io.out(`${key}\n\n${stringify([entry], STYLE).trimEnd()}`);
  return 0;
}

function nameProblem(name: string): string | null {
  if (!/^[^\s\p{Cc}](.*[^\s\p{Cc}])?$/u.test(name) || /\p{Cc}/u.test(name))
    return "NAME is not empty, neither starts nor ends with white space, and has no control characters";
  if (name.includes("${")) return "NAME has ${, which the configuration would take for a variable";
  return name.length > LONGEST_NAME ? `NAME has ${name.length} characters; ${LONGEST_NAME} is the most` : null;
}

function scopesProblem(scopes: readonly string[]): string | null {
  const wrong = scopes.find((scope) => !/^[\w.:/*+@-]+$/.test(scope));
  if (wrong !== undefined)
    return `--scopes: ${JSON.stringify(wrong)} is not made of letters, digits and . _ : / * + @ -`;
  return new Set(scopes).size === scopes.length ? null : "--scopes names one twice";
}

/** A time without its zone would be another moment on another machine. */
const DATE = /^(\d{4}-\d\d-\d\d)(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?(?:Z|[+-]\d\d:\d\d))?$/;

function expiryProblem(text: string, now: number): string | null {
  const day = DATE.exec(text)?.[1];
  const at = Date.parse(text);
  // The 30th of February would quietly be a day in March.
  if (day === undefined || Number.isNaN(at) || !new Date(Date.parse(day)).toISOString().startsWith(day))
    return `--expires is a date such as 2027-01-31 or 2027-01-31T12:00:00Z, not ${JSON.stringify(text)}`;
  return at <= now ? `--expires: ${text} has passed` : null;
}

function usage(io: Io, problem: string): number {
  io.err(`sluice keys add: ${problem}\n${USAGE}`);
  return 2;
}
