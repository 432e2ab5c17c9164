import { stringify } from "yaml";
import { createKey, keyExpiryProblem, keyNameProblem, keyScopesProblem } from "../../control/keys.ts";
import type { Io } from "../../main.ts";
import { parseArguments } from "../arguments.ts";

const USAGE = `usage: sluice keys add NAME [--scopes a,b] [--expires DATE]

  NAME       whose key it is: the identity that limits, logs and plugins see
  --scopes   what it may do
  --expires  when it ends, as 2027-01-31 (midnight UTC) or 2027-01-31T12:00:00Z; default: never

The key and its entry for security.auth.keys go to standard output, once; nothing is stored.`;

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
  const scopes = parsed.values.scopes?.split(",").map((scope) => scope.trim());
  const { expires } = parsed.values;
  const problem = problemOf(name, scopes, expires);
  if (problem !== null) return usage(io, problem);
  const { key, entry } = createKey({ name, scopes, expires });
  io.err("The key, shown this once, and below it the entry for security.auth.keys:\n");
  io.out(`${key}\n\n${stringify([entry], STYLE).trimEnd()}`);
  return 0;
}

function problemOf(name: string, scopes: readonly string[] | undefined, expires: string | undefined): string | null {
  const ofName = keyNameProblem(name);
  if (ofName !== null) return `NAME ${ofName}`;
  const ofScopes = scopes === undefined ? null : keyScopesProblem(scopes);
  if (ofScopes !== null) return `--scopes: ${ofScopes}`;
  const ofExpiry = expires === undefined ? null : keyExpiryProblem(expires, Date.now());
  return ofExpiry === null ? null : `--expires ${ofExpiry}`;
}

function usage(io: Io, problem: string): number {
  io.err(`sluice keys add: ${problem}\n${USAGE}`);
  return 2;
}
