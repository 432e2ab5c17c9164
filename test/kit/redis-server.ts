import { describe } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Subprocess } from "bun";
import { Redis } from "ioredis";
import { eventually } from "./eventually.ts";
import { freePort } from "./free-port.ts";

const REDIS_SERVER = Bun.which("redis-server");

const AGE = `
for _, key in ipairs(redis.call('KEYS', '*')) do
  local left = redis.call('PTTL', key)
  if left > 0 then redis.call('PEXPIRE', key, left - ARGV[1]) end
end`;

/** `describe` for what needs a real Redis. Where there is none it is skipped, and its name says so; `bun run test` says why. */
export function describeWithRedis(name: string, body: () => void): void {
  if (REDIS_SERVER === null) describe.skip(`${name} (skipped: redis-server is not installed)`, body);
  else describe(name, body);
}

/** A real Redis on a port of its own that keeps nothing on disk; never outlives the tests. */
export class RedisServer {
  readonly port: number;
  readonly #password: string | null;
  readonly #folder = mkdtempSync(join(tmpdir(), "sluice-redis-"));
  #child: Subprocess | null = null;

  private constructor(port: number, password: string | null) {
    this.port = port;
    this.#password = password;
  }

  static async start(options: { password?: string } = {}): Promise<RedisServer> {
    const server = new RedisServer(await freePort(), options.password ?? null);
    await server.start();
    return server;
  }

  /** With the password that it wants. */
  get url(): string {
    return `redis://${this.#password === null ? "" : `:${this.#password}@`}127.0.0.1:${this.port}`;
  }

  /** Again, empty, after `kill`. */
  async start(): Promise<void> {
    const words = ["--port", `${this.port}`, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
    if (this.#password !== null) words.push("--requirepass", this.#password);
    const child = Bun.spawn([REDIS_SERVER!, ...words, "--dir", this.#folder], {
      stdin: "ignore",
      stdout: "ignore",
      stderr: "inherit",
    });
    this.#child = child;
    RUNNING.add(child);
    void child.exited.then(() => RUNNING.delete(child));
    // A demand for a password is an answer, too.
    await eventually("redis answers", () => this.command("PING").catch(() => null));
  }

  /** As a power cut does it. */
  async kill(): Promise<void> {
    this.#child?.kill("SIGKILL");
    await this.#child?.exited;
  }

  /** As a network does that swallows everything. */
  freeze(): void {
    this.#child?.kill("SIGSTOP");
  }

  thaw(): void {
    this.#child?.kill("SIGCONT");
  }

  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Takes so much from what every key has left: Redis has no clock to inject. */
  async pass(ms: number): Promise<void> {
    const client = new Redis(this.url);
    await client.eval(AGE, 0, ms);
    client.disconnect();
  }

  /** An inline command by a connection of its own. @returns the raw reply */
  async command(line: string): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const socket = await Bun.connect({
      hostname: "127.0.0.1",
      port: this.port,
      socket: {
        data: (_, bytes) => resolve(bytes.toString()),
        close: () => reject(new Error("redis closed the connection")),
        error: (_, error) => reject(error),
      },
    });
    socket.write(`${line}\r\n`);
    return promise.finally(() => socket.end());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

const RUNNING = new Set<Subprocess>();
process.on("exit", () => {
  for (const child of RUNNING) child.kill("SIGKILL");
});
