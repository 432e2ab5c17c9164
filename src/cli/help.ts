import type { Io } from "../main.ts";
import { VERSION } from "./version.ts";

const TEXT = `sluice ${VERSION}: a programmable reverse proxy and API gateway

usage: sluice COMMAND [options]

  start [--config FILE] [--set path=value]   serve; without --config: $SLUICE_CONFIG, ./sluice.yaml, config/sluice.yaml
  dev                                        the same with human-readable logs (bun run dev restarts on source changes)
  demo                                       three small origins, the proxy before them, light traffic; prints what to open
  check --config FILE                        validate without serving (alias: validate)
  explain METHOD URL [-H 'k: v'] [--json]    which route matches, and why each other one does not
  schema                                     the configuration's JSON Schema
  init                                       write a commented sluice.yaml
  reload [--pid N]                           make a running proxy read its configuration again (SIGHUP)
  keys add NAME [--scopes a,b] [--expires D] an API key for a client, and its entry for security.auth.keys
  plugin new NAME | init DIR | list | test   write plugins: a first one, types for the editor, what there is, their tests
  version

Exit codes: 0 fine, 1 configuration or start-up error, 2 usage.`;

export function run(_args: string[], io: Io): number {
  io.out(TEXT);
  return 0;
}
