import { createServer, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { join } from "node:path";
import type { KvOperation, KvOutcome } from "../../src/control/workers/messages.ts";
import { WorkerProcess, type WorkerPlugins } from "../../src/control/workers/worker-process.ts";
import type { KvStore } from "../../src/plugin-services/kv-store.ts";

type Reply = { id: number; outcome: KvOutcome } | { id: number; error: string };

/** A real worker process, and its `kv` as the test's own: every operation goes through the process and its channel. */
export class KvRelay implements KvStore {
  readonly worker: WorkerProcess;
  readonly #socket: Socket;
  readonly #waiting = new Map<number, { resolve: (outcome: KvOutcome) => void; reject: (error: Error) => void }>();
  #lastId = 0;

  private constructor(worker: WorkerProcess, socket: Socket) {
    this.worker = worker;
    this.#socket = socket;
    createInterface({ input: socket }).on("line", (line) => this.#hear(JSON.parse(line) as Reply));
    socket.on("error", () => undefined);
  }

  static async start(kv: WorkerPlugins["kv"]): Promise<KvRelay> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const connected = new Promise<Socket>((resolve) => server.once("connection", resolve));
    const { port } = server.address() as { port: number };
    const command = [process.execPath, join(import.meta.dir, "kv-worker.ts"), String(port)];
    const plugins = { kv, hookSign: () => null };
    const worker = new WorkerProcess({ number: 1, command, plugins, shared: null, reported: () => undefined });
    await worker.ready;
    const socket = await connected;
    server.close();
    return new KvRelay(worker, socket);
  }

  run(operation: KvOperation): Promise<KvOutcome> {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#socket.write(`${JSON.stringify({ id, operation })}\n`);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.worker.kill();
    await this.worker.exited;
    this.#socket.destroy();
  }

  #hear(reply: Reply): void {
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if ("error" in reply) waiting?.reject(new Error(reply.error));
    else waiting?.resolve(reply.outcome);
  }
}
