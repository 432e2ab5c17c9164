import type { Io } from "../main.ts";
import { run as add } from "./keys/add.ts";

const USAGE = `usage: sluice keys add NAME [--scopes a,b] [--expires DATE]     an API key, and its entry for security.auth.keys`;

/** `sluice keys`: API keys for clients. */
export function run([word, ...args]: string[], io: Io): number {
  if (word === "--help" || word === "-h") {
    io.out(USAGE);
    return 0;
  }
  if (word === "add") return add(args, io);
  io.err(word === undefined ? USAGE : `sluice keys: unknown command "${word}"\n${USAGE}`);
  return 2;
}
