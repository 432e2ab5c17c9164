import { readFile } from "node:fs/promises";
import { hostname } from "node:os";

/** The files that Docker, and Podman, mount into every container from a folder with its id. */
const MOUNTED = /\/([0-9a-f]{64})\/(?:userdata\/)?(?:hostname|hosts|resolv\.conf)$/;
const TARGETS = new Set(["/etc/hostname", "/etc/hosts", "/etc/resolv.conf"]);

/** @param mountInfo the text of /proc/self/mountinfo (proc(5)) @returns the id of the container it was read in, or null */
export function containerIdIn(mountInfo: string): string | null {
  for (const line of mountInfo.split("\n")) {
    const [, , , root = "", target = ""] = line.split(" ");
    const id = TARGETS.has(target) ? MOUNTED.exec(root)?.[1] : undefined;
    if (id !== undefined) return id;
  }
  return null;
}

/** What the container that this process runs in may be called; null when it runs in none, as far as can be seen. */
export async function ownContainerName(): Promise<string | null> {
  const mountInfo = await readFile("/proc/self/mountinfo", "utf8").catch(() => "");
  const id = containerIdIn(mountInfo);
  if (id !== null) return id;
  // The default hostname is the id's beginning.
  return /^[0-9a-f]{12}$/.test(hostname()) ? hostname() : null;
}
