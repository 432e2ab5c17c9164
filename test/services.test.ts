import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "./kit/eventually.ts";
import { haveServices, type Service, SERVICES } from "./services.ts";

const SH = "#!/bin/sh\n";

function service(name: string, packages: string[], more: Partial<Service> = {}): Service {
  return { name, packages, find: (path) => Bun.which(name, { PATH: path }), ...more };
}

const ONE = service("one", ["one-server"]);
const TWO = service("two", ["two-server", "two-tools"]);
const ROOTS = service("roots", ["roots"], { needsRoot: true });

describe("bun run test", () => {
  let folder: string;
  let said: string[];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "sluice-path-"));
    said = [];
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const program = (name: string, text = "") => writeFileSync(join(folder, name), SH + text, { mode: 0o755 });
  const have = (services: readonly Service[], more: { isRoot?: boolean; patienceMs?: number } = {}) =>
    haveServices({ path: folder, isRoot: true, patienceMs: 60_000, say: (line) => said.push(line), ...more }, services);
  /** One that has these packages and no others. */
  const aptGet = (...packages: string[]) => {
    const known = `"${packages.join('"|"')}"`;
    program(
      "apt-get",
      `echo "$DEBIAN_FRONTEND $@" >> ${folder}/called
case "$*" in *update) exit 100 ;; esac
while [ "$1" != install ]; do [ "$1" = --download-only ] && dry=1; shift; done; shift
for name in "$@"; do case "$name" in ${known}) ;; *) echo "E: Unable to locate package $name" >&2; exit 100 ;; esac; done
[ "$dry" = 1 ] && exit 0
for name in "$@"; do printf '#!/bin/sh\\n' > ${folder}/\${name%-*}; /bin/chmod +x ${folder}/\${name%-*}; done
`,
    );
  };
  const calls = () => readFileSync(join(folder, "called"), "utf8").trim().split("\n");

  test("takes what is there, and installs nothing", async () => {
    for (const name of ["one", "two", "roots"]) program(name);
    program("apt-get", `echo > ${folder}/called`);
    expect(await have([ONE, TWO, ROOTS])).toEqual([]);
    expect(said).toEqual(["one", "two", "roots"].map((name) => `${name} is ${folder}/${name}`));
    expect(existsSync(join(folder, "called"))).toBe(false);
  });

  test("installs what is missing at once, with fresh lists, without questions, and says so", async () => {
    program("roots");
    aptGet("one-server", "two-server", "two-tools");
    expect(await have([ONE, TWO, ROOTS])).toEqual([]);
    expect(said[0]).toBe("one, two: not installed: apt-get install one-server two-server two-tools");
    expect(calls().length).toBe(3);
    expect(calls()[0]).toEndWith("update");
    for (const call of calls()) expect(call).toStartWith("noninteractive ");
    for (const call of calls().slice(1)) expect(call).toEndWith(" install one-server two-server two-tools");
    for (const call of calls().slice(1)) expect(call).toContain(" -y ");
  });

  test("one that cannot be had keeps nobody from the others, and apt-get's own words say why", async () => {
    aptGet("two-server", "two-tools");
    expect(await have([ONE, TWO])).toEqual([
      "one: apt-get did not install one-server: it ended with 100 (E: Unable to locate package one-server)",
    ]);
    expect(said).toContain(`two is ${folder}/two`);
  });

  test("does not wait for ever, and leaves nothing running", async () => {
    program("apt-get", `/bin/sleep 600 &\necho $! >> ${folder}/started\nwait\n`);
    const late = await have([ONE, TWO], { patienceMs: 900 });
    expect(late.map((line) => line.split(":")[0])).toEqual(["one", "two"]);
    for (const line of late) expect(line).toMatch(/it took too long|there was no time left for it/);
    const started = readFileSync(join(folder, "started"), "utf8").trim().split("\n").map(Number);
    expect(started.length).toBeGreaterThan(1);
    await eventually("all have ended", () => !started.some(isRunning));
  });

  test("says who may install it, that nothing here can, or that it did not help", async () => {
    expect(await have([ONE])).toEqual(["one: it is not installed, and there is no apt-get to install it with"]);
    program("apt-get", `echo > ${folder}/called`);
    expect(await have([TWO, ROOTS], { isRoot: false })).toEqual([
      "roots: only root may start it",
      "two: it is not installed, and only root may: apt-get install two-server two-tools",
    ]);
    expect(existsSync(join(folder, "called"))).toBe(false);
    expect(await have([ONE])).toEqual(["one: apt-get installed one-server, and it is not in PATH"]);
  });

  test("knows what tests are run against", () => {
    const wanted = SERVICES.flatMap(({ packages }) => packages);
    const all = ["redis-server", "postgresql", "docker.io", "iproute2", "prometheus", "dnsmasq-base", "chromium"];
    expect(wanted.toSorted()).toEqual(all.toSorted());
  });
});

/** One that has ended and that nobody has asked after runs no longer. */
function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}
