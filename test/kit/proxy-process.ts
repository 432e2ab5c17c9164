import type { Subprocess } from "bun";
import { eventually, PATIENCE_MS, within } from "./eventually.ts";

/** A child process whose output is kept; never outlives the test that started it. */
export class ProxyProcess {
  readonly #child: Subprocess<"ignore", "pipe", "pipe">;
  stdout = "";
  stderr = "";
  readonly #drained: Promise<unknown>;

  constructor(command: readonly string[], options: { cwd?: string; env?: Record<string, string> } = {}) {
    this.#child = Bun.spawn([...command], {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    RUNNING.add(this.#child);
    void this.#child.exited.then(() => RUNNING.delete(this.#child));
    this.#drained = Promise.all([
      collect(this.#child.stdout, (text) => (this.stdout += text)),
      collect(this.#child.stderr, (text) => (this.stderr += text)),
    ]);
  }

  get pid(): number {
    return this.#child.pid;
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  get output(): string {
    return `--- stdout\n${this.stdout}\n--- stderr\n${this.stderr}`;
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** The exit code (128 + n for signal n), once all output has been read. */
  async exited(withinMs = PATIENCE_MS): Promise<number> {
    const code = await within("the process's end", this.#child.exited, withinMs);
    await within("the end of the process's output", this.#drained, withinMs);
    return code;
  }

  /** Waits until the output shows `text`; fails at once when the process ends first. */
  async says(text: string | RegExp): Promise<void> {
    const shown = () => (typeof text === "string" ? this.#all().includes(text) : text.test(this.#all()));
    await eventually(`output ${String(text)}\n${this.output}`, () => shown() || !this.running).catch((error: Error) => {
      throw new Error(`${error.message}\n${this.output}`);
    });
    if (!shown() && !this.running) {
      await this.#drained;
      if (!shown()) throw new Error(`the process ended (${this.#child.exitCode}) before ${text}\n${this.output}`);
    }
  }

  /** SIGKILL by pid: nothing survives a test. @returns when it is gone */
  async kill(): Promise<void> {
    if (this.running) this.#child.kill("SIGKILL");
    await this.#child.exited;
  }

  #all(): string {
    return this.stdout + this.stderr;
  }
}

const RUNNING = new Set<Subprocess>();
// A test run that is interrupted or throws leaves no proxy behind.
const killAll = () => {
  for (const child of RUNNING) child.kill("SIGKILL");
};
process.on("exit", killAll);
for (const [signal, number] of [
  ["SIGTERM", 15],
  ["SIGINT", 2],
  ["SIGHUP", 1],
] as const) {
  process.once(signal, () => {
    killAll();
    process.exit(128 + number);
  });
}

async function collect(stream: ReadableStream<Uint8Array>, take: (text: string) => void): Promise<void> {
  const decoder = new TextDecoder();
  for await (const bytes of stream) take(decoder.decode(bytes, { stream: true }));
}
