import { describe } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Subprocess } from "bun";
import { eventually } from "./eventually.ts";

/** Answers who it is; `POST /sick` and `/well` are for its health check; stops `LINGER` ms after it was asked to. */
const SERVICE = `
let status = 200;
const fetch = async (request) => {
  const { pathname } = new URL(request.url);
  if (pathname === "/sick") status = 503;
  if (pathname === "/well") status = 200;
  if (pathname === "/health") return new Response(null, { status });
  return Response.json({ who: process.env.HOSTNAME, host: request.headers.get("host"), path: pathname });
};
Bun.serve({ port: Number(process.env.PORT ?? 8080), hostname: "0.0.0.0", fetch });
process.on("SIGTERM", () => setTimeout(() => process.exit(0), Number(process.env.LINGER ?? 0)));
`;
const HEALTH = `
const answer = await fetch("http://127.0.0.1:" + (process.env.PORT ?? 8080) + "/health").catch(() => null);
process.exit(answer?.ok ? 0 : 1);
`;

/** A small web service with `EXPOSE 8080`; `CHECKED` has a health check every half a second, too. */
export const IMAGE = "sluice-service:1";
export const CHECKED = "sluice-checked:1";

const SEARCHED = `${process.env.PATH ?? ""}:/usr/local/sbin:/usr/sbin:/sbin`;
const which = (program: string) => Bun.which(program, { PATH: SEARCHED });

function whatIsMissing(): string | null {
  if (process.platform !== "linux") return "it needs Linux";
  if (process.getuid?.() !== 0) return "only root may start dockerd";
  const missing = ["dockerd", "docker", "ip", "tar", "ldd"].find((program) => which(program) === null);
  return missing === undefined ? null : `${missing} is not installed: apt-get install docker.io iproute2`;
}

/** A real Docker engine with a socket, a bridge and images of its own; never outlives the tests. */
export class DockerEngine {
  readonly socket: string;
  readonly #folder = mkdtempSync(join(tmpdir(), "sluice-docker-"));
  readonly #bridge: string;
  readonly #subnet: number;
  readonly #keepsContainers: boolean;
  #child: Subprocess | null = null;

  private constructor(subnet: number, keepsContainers: boolean) {
    this.#subnet = subnet;
    this.#keepsContainers = keepsContainers;
    this.#bridge = `sluice${subnet}`;
    this.socket = join(this.#folder, "docker.sock");
  }

  /** @param keepsContainers they go on while the daemon is away @throws Error with why it cannot be had on this machine */
  static async start({ keepsContainers = false } = {}): Promise<DockerEngine> {
    const engine = new DockerEngine(await takeSubnet(), keepsContainers);
    try {
      await engine.begin();
    } catch (error) {
      await engine.stop();
      throw error;
    }
    return engine;
  }

  get endpoint(): string {
    return `unix://${this.socket}`;
  }

  /** The daemon, again after `end`. */
  async begin(): Promise<void> {
    const own = (name: string) => join(this.#folder, name);
    const flags = [
      ...["--data-root", own("data"), "--exec-root", own("exec"), "--pidfile", own("pid"), "-H", this.endpoint],
      // Nothing of the machine's network is touched but the bridge.
      ...["--bridge", this.#bridge, "--iptables=false", "--ip6tables=false", "--ip-forward=false", "--ip-masq=false"],
      ...["--default-address-pool", `base=10.214.${this.#subnet}.0/24,size=28`, "--shutdown-timeout", "2"],
      ...(this.#keepsContainers ? ["--live-restore"] : []),
    ];
    const log = Bun.file(own("log"));
    const child = Bun.spawn([which("dockerd")!, ...flags], { stdin: "ignore", stdout: log, stderr: log });
    this.#child = child;
    RUNNING.add(this);
    const isUp = () => this.docker("version", "--format", "{{.Server.Version}}").catch(() => null);
    const ready = await Promise.race([eventually("dockerd answers", isUp, 30_000), child.exited.then(() => null)]);
    if (ready !== null) return;
    throw new Error(`dockerd does not run here: ${readFileSync(own("log"), "utf8").trim().split("\n").at(-1)}`);
  }

  /** The daemon, with its containers unless it keeps them. */
  async end(): Promise<void> {
    this.#child?.kill("SIGTERM");
    await this.#child?.exited;
    this.#child = null;
  }

  /** Images from what this machine has: no registry is asked. */
  async makeImages(): Promise<void> {
    const rootfs = join(this.#folder, "rootfs");
    const put = (path: string) => mkdirSync(dirname(join(rootfs, path)), { recursive: true });
    const libraries = (await output([which("ldd")!, process.execPath])).match(/\/[^\s)]+/g) ?? [];
    for (const [from, to] of [[process.execPath, "/bin/bun"], ...libraries.map((path) => [path, path])]) {
      put(to!);
      if (!existsSync(join(rootfs, to!))) symlinkSync(from!, join(rootfs, to!));
    }
    put("/app/x");
    put("/tmp/x");
    writeFileSync(join(rootfs, "app/service.ts"), SERVICE);
    writeFileSync(join(rootfs, "app/health.ts"), HEALTH);
    const archive = join(this.#folder, "rootfs.tar");
    await output([which("tar")!, "-C", rootfs, "-chf", archive, "."]);
    const change = (...lines: string[]) => lines.flatMap((line) => ["-c", line]);
    const serve = change("EXPOSE 8080", 'CMD ["/bin/bun", "/app/service.ts"]');
    const check = change('HEALTHCHECK --interval=500ms --timeout=5s --retries=1 CMD ["/bin/bun", "/app/health.ts"]');
    await this.docker("import", ...serve, archive, IMAGE);
    await this.docker("import", ...serve, ...check, archive, CHECKED);
    rmSync(archive);
  }

  /** `docker run -d`. @returns its id */
  run(...words: string[]): Promise<string> {
    return this.docker("run", "-d", ...words);
  }

  /** A command of `docker`. @returns what it says @throws Error with what it complains of */
  docker(...words: string[]): Promise<string> {
    return output([which("docker")!, "-H", this.endpoint, ...words]);
  }

  async removeAll(): Promise<void> {
    const ids = (await this.docker("ps", "-aq")).split("\n").filter((id) => id !== "");
    if (ids.length > 0) await this.docker("rm", "-f", ...ids);
  }

  async stop(): Promise<void> {
    if (this.#child === null && this.#keepsContainers) await this.begin().catch(() => {});
    if (this.#child !== null) {
      await this.removeAll().catch(() => {});
      // Their bridges would stay.
      await this.docker("network", "prune", "-f").catch(() => {});
    }
    await this.end();
    RUNNING.delete(this);
    await output([which("ip")!, "link", "del", this.#bridge]).catch(() => {});
    for (const mount of mountsBelow(this.#folder))
      await output([which("umount") ?? "umount", "-l", mount]).catch(() => {});
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** When the tests end by themselves: nothing can be waited for. */
  kill(): void {
    const docker = (...words: string[]) => Bun.spawnSync([which("docker")!, "-H", this.endpoint, ...words]);
    if (this.#keepsContainers && this.#child !== null) {
      const ids = docker("ps", "-aq").stdout.toString().split("\n");
      docker("rm", "-f", ...ids.filter((id) => id !== ""));
    }
    this.#child?.kill("SIGTERM");
    Bun.spawnSync([which("ip")!, "link", "del", this.#bridge]);
  }
}

const RUNNING = new Set<DockerEngine>();
process.on("exit", () => {
  for (const engine of RUNNING) engine.kill();
});

/** A bridge `sluiceN` with 10.213.N.1/24: whoever makes it first has it, of all tests that run beside each other. */
async function takeSubnet(): Promise<number> {
  const ip = which("ip")!;
  for (let i = 0; ; i++) {
    const subnet = 1 + ((process.pid + i * 37) % 254);
    const bridge = `sluice${subnet}`;
    try {
      await output([ip, "link", "add", bridge, "type", "bridge"]);
    } catch (error) {
      if (i < 20 && String(error).includes("File exists")) continue;
      throw error;
    }
    await output([ip, "addr", "add", `10.213.${subnet}.1/24`, "dev", bridge]);
    await output([ip, "link", "set", bridge, "up"]);
    return subnet;
  }
}

function mountsBelow(folder: string): string[] {
  const lines = readFileSync("/proc/self/mounts", "utf8").split("\n");
  const points = lines.map((line) => line.split(" ")[1] ?? "");
  return points.filter((point) => point.startsWith(`${folder}/`)).toReversed();
}

async function output(command: string[]): Promise<string> {
  const child = Bun.spawn(command, { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [text, complaint, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (code !== 0) throw new Error(`${command.slice(0, 5).join(" ")}: ${complaint.trim() || `exit code ${code}`}`);
  return text.trim();
}

const MISSING = whatIsMissing();

/** `describe` for what needs a real Docker engine. Where there can be none it is skipped, and its name says why. */
export function describeWithDocker(name: string, body: () => void): void {
  if (MISSING === null) describe(name, body);
  else describe.skip(`${name} (skipped: no Docker engine: ${MISSING})`, body);
}
