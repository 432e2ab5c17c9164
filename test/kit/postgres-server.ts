import { describe } from "bun:test";
import { chownSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Subprocess } from "bun";
import { eventually } from "./eventually.ts";
import { findPostgres } from "./find-postgres.ts";
import { freePort } from "./free-port.ts";

const FOUND = findPostgres();

/** `describe` for what needs a real PostgreSQL. Where there is none it is skipped, and its name says why. */
export function describeWithPostgres(name: string, body: () => void): void {
  if ("missing" in FOUND) describe.skip(`${name} (skipped: ${FOUND.missing})`, body);
  else describe(name, body);
}

/** A real PostgreSQL with a port and a data folder of its own, as a user without rights; never outlives the tests. */
export class PostgresServer {
  readonly port: number;
  /** Where its socket and its data are. */
  readonly folder: string;
  #child: Subprocess | null = null;

  private constructor(port: number, folder: string) {
    this.port = port;
    this.folder = folder;
  }

  static async start(): Promise<PostgresServer> {
    const folder = mkdtempSync(join(tmpdir(), "sluice-postgres-"));
    if (owner() !== null) chownSync(folder, owner()!.uid, owner()!.gid);
    const server = new PostgresServer(await freePort(), folder);
    const options = ["--username=sluice", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"];
    await run("initdb", ["-D", join(folder, "data"), ...options]);
    await server.start();
    return server;
  }

  /** A database of its own for each: no test sees what another one wrote. */
  async createDatabase(): Promise<string> {
    const name = `d${crypto.randomUUID().replaceAll("-", "")}`;
    await this.query(`create database ${name}`);
    return this.url(name);
  }

  url(database: string): string {
    return `postgres://sluice:s3cret@127.0.0.1:${this.port}/${database}`;
  }

  /** By a connection of its own, as an operator has it. */
  async query(text: string, url = this.url("postgres")): Promise<Array<Record<string, unknown>>> {
    const sql = new Bun.SQL(url, { max: 1 });
    try {
      return [...(await sql.unsafe(text))];
    } finally {
      await sql.close();
    }
  }

  /** Again, with what it has kept, after `kill`. */
  async start(): Promise<void> {
    // A crash of the program, not of the machine, is what tests bring about: what was handed to the system stays.
    const settings = ["fsync=off", "shared_buffers=16MB", "max_connections=30", "max_wal_senders=0"];
    const words = ["-D", join(this.folder, "data"), "-p", `${this.port}`, "-h", "127.0.0.1", "-k", this.folder];
    const child = Bun.spawn([program("postgres"), ...words, ...settings.flatMap((setting) => ["-c", setting])], {
      ...owner(),
      cwd: this.folder,
      stdin: "ignore",
      stdout: "ignore",
      stderr: Bun.file(join(this.folder, "log")),
    });
    this.#child = child;
    RUNNING.add(child);
    void child.exited.then(() => RUNNING.delete(child));
    await eventually("postgres answers", () => this.query("select 1").catch(() => null), 30_000);
  }

  /** As a power cut does it: the server and everything that it has started. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === null) return;
    const others = this.#signal("SIGKILL");
    await child.exited;
    await eventually("all of postgres has ended", () => !others.some(isRunning));
  }

  /** As a network does that swallows everything. */
  freeze(): void {
    this.#signal("SIGSTOP");
  }

  thaw(): void {
    this.#signal("SIGCONT");
  }

  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #signal(signal: NodeJS.Signals): number[] {
    return this.#child === null || this.#child.exitCode !== null ? [] : signalTree(this.#child.pid, signal);
  }
}

/** @returns the children */
function signalTree(pid: number, signal: NodeJS.Signals): number[] {
  // Whoever is stopped starts nothing new, and hears of no child's death.
  send(pid, "SIGSTOP");
  const children = childrenOf(pid);
  for (const one of [...children, pid]) send(one, signal);
  return children;
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended by itself.
  }
}

function childrenOf(pid: number): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((one) => field(one, "PPid") === `${pid}`);
}

function isRunning(pid: number): boolean {
  const state = field(pid, "State");
  return state !== null && !state.startsWith("Z");
}

/** @returns null when there is no such process */
function field(pid: number, name: string): string | null {
  try {
    return new RegExp(`^${name}:\\s+(.*)$`, "m").exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? null;
  } catch {
    return null;
  }
}

async function run(name: string, words: readonly string[]): Promise<void> {
  const child = Bun.spawn([program(name), ...words], { ...owner(), cwd: "/", stdout: "pipe", stderr: "pipe" });
  const said = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  if ((await child.exited) !== 0) throw new Error(`${name}: ${said.join("")}`);
}

function program(name: string): string {
  if ("missing" in FOUND) throw new Error(FOUND.missing);
  return join(FOUND.folder, name);
}

function owner(): { uid: number; gid: number } | null {
  return "missing" in FOUND ? null : FOUND.owner;
}

const RUNNING = new Set<Subprocess>();
process.on("exit", () => {
  for (const child of RUNNING) signalTree(child.pid, "SIGKILL");
});
