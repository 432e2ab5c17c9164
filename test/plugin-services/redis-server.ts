import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Subprocess } from "bun";
import { Redis } from "ioredis";
import { eventually } from "../kit/eventually.ts";
import { freePort } from "../kit/free-port.ts";

/** Why tests that need one are skipped; null when there is one. */
export const NO_REDIS = Bun.which("redis-server") === null ? "redis-server is not installed" : null;

const AGE = `
for _, key in ipairs(redis.call('KEYS', '*')) do
  local left = redis.call('PTTL', key)
  if left > 0 then redis.call('PEXPIRE', key, left - ARGV[1]) end
end`;

/** A real Redis on a port of its own, which keeps nothing on disk. */
export class RedisServer {
  readonly port: number;
  readonly #folder = mkdtempSync(join(tmpdir(), "sluice-redis-"));
  readonly #password: string | null;
  #child: Subprocess | null = null;

  private constructor(port: number, password: string | null) {
    this.port = port;
    this.#password = password;
  }

  static async start(password: string | null = null): Promise<RedisServer> {
    const server = new RedisServer(await freePort(), password);
    await server.begin();
    return server;
  }

  get url(): string {
    return `redis://${this.#password === null ? "" : `:${this.#password}@`}127.0.0.1:${this.port}`;
  }

  async begin(): Promise<void> {
    const { port } = this;
    const words = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--dir", this.#folder];
    if (this.#password !== null) words.push("--requirepass", this.#password);
    this.#child = Bun.spawn(["redis-server", ...words], { stdio: ["ignore", "ignore", "ignore"] });
    await eventually("redis to listen", () => answers(port));
  }

  /** Takes so much from what every key has left: Redis has no clock to inject. */
  async pass(ms: number): Promise<void> {
    const client = new Redis(this.url);
    await client.eval(AGE, 0, ms);
    client.disconnect();
  }

  /** As a network does that swallows everything. */
  freeze(): void {
    this.#child?.kill("SIGSTOP");
  }

  thaw(): void {
    this.#child?.kill("SIGCONT");
  }

  async end(): Promise<void> {
    this.#child?.kill("SIGKILL");
    await this.#child?.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

async function answers(port: number): Promise<boolean> {
  const answered = Promise.withResolvers<boolean>();
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      open: (socket) => void socket.write("PING\r\n"),
      // Also a demand for a password is an answer.
      data: () => answered.resolve(true),
      close: () => answered.resolve(false),
      error: () => answered.resolve(false),
    },
  }).catch(() => null);
  if (socket === null) return false;
  const result = await answered.promise;
  socket.end();
  return result;
}
