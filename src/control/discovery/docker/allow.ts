import type { ServiceLabels } from "./labels.ts";

/** What labels may claim; null: anything. */
export interface Allow {
  /** `shop.example.com`, `*.example.com` (one or more labels); `*`: any, and none at all. */
  readonly hosts: readonly string[] | null;
  /** `/api/*` with everything below, `/health`. */
  readonly paths: readonly string[] | null;
  /** Names as routes use them. */
  readonly plugins: readonly string[] | null;
}

export const ALLOW_ALL: Allow = { hosts: null, paths: null, plugins: null };

/** Names and paths that configuration has chosen for a container are no claims of its own. @returns what goes too far, or null */
export function overreach({ hosts, paths, plugins }: ServiceLabels, allow: Allow): string | null {
  const host = allow.hosts === null ? undefined : hosts?.find((host) => !isHostAllowed(host, allow.hosts!));
  if (host !== undefined) return `sluice.host=${host} is more than discovery.docker.allow.hosts lets it have`;
  // A host of its own comes with all its paths.
  const claimed = paths ?? (hosts === null ? [] : ["/*"]);
  const path = allow.paths === null ? undefined : claimed.find((path) => !isPathAllowed(path, allow.paths!));
  if (path !== undefined) return `sluice.path=${path} is more than discovery.docker.allow.paths lets it have`;
  const plugin = allow.plugins === null ? undefined : plugins.find((plugin) => !allow.plugins!.includes(plugin));
  if (plugin !== undefined) return `sluice.plugins=${plugin} is more than discovery.docker.allow.plugins lets it have`;
  return null;
}

function isHostAllowed(host: string, allowed: readonly string[]): boolean {
  const claim = plainHost(host);
  return allowed.map(plainHost).some((pattern) => {
    if (pattern === "*" || pattern === claim) return true;
    return pattern.startsWith("*.") && claim.endsWith(pattern.slice(1)) && claim.length > pattern.length - 1;
  });
}

// `a.example.com.` is the same host.
function plainHost(host: string): string {
  return host.toLowerCase().replace(/\.$/, "");
}

function isPathAllowed(path: string, allowed: readonly string[]): boolean {
  const claim = decoded(path);
  if (claim === null) return false;
  return allowed.some((pattern) => {
    if (!pattern.endsWith("/*")) return pattern === claim;
    const base = pattern.slice(0, -2);
    return claim === base || claim.startsWith(`${base}/`);
  });
}

/** As the router compares it. null: its encoding hides where it leads. */
function decoded(path: string): string | null {
  try {
    const segments = path.split("/").map(decodeURIComponent);
    const isHidden = segments.some((segment) => segment === "." || segment === ".." || /[/\\\0]/.test(segment));
    return isHidden ? null : segments.join("/");
  } catch {
    return null;
  }
}
