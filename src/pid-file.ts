import { createHash } from "node:crypto";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

// By working directory, so that `sluice reload` finds the proxy that was started in the same place.
function pidFile(): string {
  const place = createHash("sha256").update(process.cwd()).digest("hex").slice(0, 16);
  return join(tmpdir(), `sluice-${process.getuid?.() ?? 0}-${place}.pid`);
}

/** Best effort: a proxy serves as well where it may not write. @returns what removes it again. */
export function writePid(): () => void {
  const file = pidFile();
  try {
    writeFileSync(file, String(process.pid), { mode: 0o600 });
  } catch {
    return () => undefined;
  }
  return () => {
    if (readPid() === process.pid) rmSync(file, { force: true });
  };
}

export function readPid(): number | null {
  try {
    const pid = Number(readFileSync(pidFile(), "utf8"));
    return Number.isInteger(pid) && pid > 1 ? pid : null;
  } catch {
    return null;
  }
}
