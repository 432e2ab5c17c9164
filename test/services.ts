import { installPackages, type Machine, type Wanted } from "./kit/debian-package.ts";
import { findPostgres } from "./kit/find-postgres.ts";

/** Something real that tests are run against. */
export interface Service extends Wanted {
  /** @returns where it is, or null */
  readonly find: (path: string) => string | null;
  /** It does not run for anybody else. */
  readonly needsRoot?: true;
}

/** All that `bun run test` can have; what is small comes first, in case that there is no time for all. */
export const SERVICES: readonly Service[] = [
  { name: "Redis", packages: ["redis-server"], find: programs("redis-server") },
  { name: "dnsmasq", packages: ["dnsmasq-base"], find: programs("dnsmasq") },
  { name: "PostgreSQL", packages: ["postgresql"], find: postgres },
  { name: "promtool", packages: ["prometheus"], find: programs("promtool") },
  { name: "Docker", packages: ["docker.io", "iproute2"], find: docker, needsRoot: true },
  { name: "Chromium", packages: ["chromium"], find: browser },
];

export function thisMachine(): Machine {
  return {
    path: process.env.PATH ?? "",
    isRoot: process.getuid?.() === 0,
    patienceMs: 180_000,
    say: (line) => console.log(line),
  };
}

/**
 * Finds what tests are run against, and installs Debian's packages of what is not there, where that may be done.
 * @returns what could not be had and why, a line each, for people
 */
export async function haveServices(machine: Machine, services = SERVICES): Promise<string[]> {
  const { path, isRoot, say } = machine;
  const useless = services.filter(({ needsRoot }) => needsRoot === true && !isRoot);
  const useful = services.filter((service) => !useless.includes(service));
  const missing = useful.filter(({ find }) => find(path) === null);
  const failures = missing.length === 0 ? new Map<string, string>() : await installPackages(missing, machine);
  const lines = useless.map(({ name }) => `${name}: only root may start it`);
  for (const { name, packages, find } of useful) {
    const found = find(path);
    if (found !== null) say(`${name} is ${found}`);
    else
      lines.push(`${name}: ${failures.get(name) ?? `apt-get installed ${packages.join(" ")}, and it is not in PATH`}`);
  }
  return lines;
}

/** The first one's place, where all of them are. */
function programs(...names: string[]): (path: string) => string | null {
  return (path) => {
    const found = names.map((name) => Bun.which(name, { PATH: path }));
    return found.includes(null) ? null : found[0]!;
  };
}

/** Also where servers are, and not everybody looks. */
function docker(path: string): string | null {
  return programs("dockerd", "docker", "ip")(`${path}:/usr/local/sbin:/usr/sbin:/sbin`);
}

function browser(path: string): string | null {
  const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
  return names.map((name) => Bun.which(name, { PATH: path })).find((found) => found !== null) ?? null;
}

function postgres(path: string): string | null {
  const found = findPostgres(path);
  return "folder" in found ? found.folder : null;
}
