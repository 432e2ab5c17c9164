import { join } from "node:path";
import type { Subprocess } from "bun";
import type { Condition, Notice, Order, Received } from "./sickness.ts";

/** One endpoint, in a process of its own so that it can be frozen. */
export class ChaosEndpoint {
  readonly port: number;
  readonly #child: Subprocess;
  readonly #reports: Array<(received: Received) => void>;

  private constructor(child: Subprocess, port: number, reports: Array<(received: Received) => void>) {
    this.#child = child;
    this.port = port;
    this.#reports = reports;
  }

  /** @param isLoyal its health checks are answered well whatever it does to traffic. */
  static async start({ isLoyal }: { isLoyal: boolean }): Promise<ChaosEndpoint> {
    const reports: Array<(received: Received) => void> = [];
    const started = Promise.withResolvers<number>();
    const child = Bun.spawn([process.execPath, join(import.meta.dir, "endpoint-process.ts"), isLoyal ? "loyal" : ""], {
      stdio: ["ignore", "inherit", "inherit"],
      serialization: "json",
      ipc(notice: Notice) {
        if ("port" in notice) started.resolve(notice.port);
        else reports.shift()?.(notice.report);
      },
      onExit: (_child, code) => started.reject(new Error(`an endpoint ended with code ${code}`)),
    });
    return new ChaosEndpoint(child, await started.promise, reports);
  }

  become(condition: Condition): void {
    if (condition === "vanish") return this.#child.kill("SIGSTOP");
    this.#child.kill("SIGCONT");
    this.#tell({ become: condition });
  }

  /** What it has received; wakes it when it was frozen. */
  async report(): Promise<Received> {
    this.#child.kill("SIGCONT");
    const reported = new Promise<Received>((resolve) => this.#reports.push(resolve));
    this.#tell({ report: true });
    return reported;
  }

  async stop(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
  }

  #tell(order: Order): void {
    this.#child.send(order);
  }
}
