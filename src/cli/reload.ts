import type { Io } from "../main.ts";
import { readPid } from "../pid-file.ts";

/** `sluice reload`: SIGHUP to the proxy that runs in this folder, or to `--pid N`. */
export function run(args: string[], io: Io): number {
  const at = args.indexOf("--pid");
  const given = at >= 0 ? Number(args[at + 1]) : readPid();
  if (given === null || !Number.isInteger(given) || given <= 1) {
    io.err(
      at >= 0
        ? "sluice reload: --pid wants a process id"
        : "sluice reload: no proxy runs from this folder; name it with --pid N",
    );
    return at >= 0 ? 2 : 1;
  }
  try {
    process.kill(given, "SIGHUP");
  } catch {
    io.err(`sluice reload: no process ${given} that may be signalled`);
    return 1;
  }
  io.out(`sluice: told process ${given} to reload`);
  return 0;
}
