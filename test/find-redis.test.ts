import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findRedis } from "./find-redis.ts";
import { eventually } from "./kit/eventually.ts";

const SH = "#!/bin/sh\n";

describe("bun run test", () => {
  let folder: string;
  let said: string[];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "sluice-path-"));
    said = [];
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const program = (name: string, text: string) => writeFileSync(join(folder, name), SH + text, { mode: 0o755 });
  const search = (more: { isRoot?: boolean; patienceMs?: number } = {}) =>
    findRedis({ path: folder, isRoot: true, patienceMs: 60_000, say: (line) => said.push(line), ...more });

  test("takes the redis-server that is there, and installs nothing", async () => {
    program("redis-server", "");
    program("apt-get", `echo > ${folder}/called`);
    expect(await search()).toBeNull();
    expect(said).toEqual([`redis-server is ${folder}/redis-server`]);
    expect(existsSync(join(folder, "called"))).toBe(false);
  });

  test("installs the Debian package where it may, with fresh lists, without questions, and says so", async () => {
    const server = join(folder, "redis-server");
    program(
      "apt-get",
      `echo "$DEBIAN_FRONTEND $@" >> ${folder}/called
case "$*" in
  *update) exit 100 ;;
  *"install redis-server") printf '#!/bin/sh\\n' > ${server}; /bin/chmod +x ${server} ;;
esac
`,
    );
    expect(await search()).toBeNull();
    expect(said).toEqual([
      "redis-server is not installed: apt-get install redis-server",
      `redis-server is ${folder}/redis-server`,
    ]);
    const calls = readFileSync(join(folder, "called"), "utf8").trim().split("\n");
    expect(calls.map((call) => call.split(" ").at(-1))).toEqual(["update", "redis-server"]);
    for (const call of calls) expect(call).toStartWith("noninteractive ");
    expect(calls[1]).toContain(" -y ");
  });

  test("says what apt-get said when that fails", async () => {
    program("apt-get", 'echo "E: Unable to locate package redis-server" >&2\nexit 100\n');
    expect(await search()).toBe(
      "apt-get did not install redis-server: it ended with 100 (E: Unable to locate package redis-server)",
    );
  });

  test("does not wait for ever, and leaves nothing running", async () => {
    program("apt-get", `/bin/sleep 600 &\necho $! >> ${folder}/started\nwait\n`);
    expect(await search({ patienceMs: 300 })).toBe("apt-get did not install redis-server: it took longer than 0.3 s");
    const started = readFileSync(join(folder, "started"), "utf8").trim().split("\n").map(Number);
    expect(started.length).toBe(2);
    await eventually("all have ended", () => !started.some(isRunning));
  });

  test("says who may install it, or that nothing here can", async () => {
    expect(await search()).toBe("redis-server is not installed, and there is no apt-get to install it with");
    program("apt-get", `echo > ${folder}/called`);
    expect(await search({ isRoot: false })).toBe(
      "redis-server is not installed, and only root may: apt-get install redis-server",
    );
    expect(existsSync(join(folder, "called"))).toBe(false);
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
