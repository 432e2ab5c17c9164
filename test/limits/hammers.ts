import type { Subprocess } from "bun";
import { join } from "node:path";
import { within } from "../kit/eventually.ts";

type Child = Subprocess<"pipe", "pipe", "inherit">;

/** Real processes, all ready before one begins. */
export class Hammers {
  readonly #children: Child[];
  readonly #outputs: Promise<string>[] = [];

  private constructor(children: Child[]) {
    this.#children = children;
  }

  static async start(commands: ReadonlyArray<ReadonlyArray<string | number>>, file = "hammer.ts"): Promise<Hammers> {
    const children = commands.map((command) =>
      Bun.spawn([process.execPath, join(import.meta.dir, file), ...command.map(String)], {
        stdin: "pipe",
        stdout: "pipe",
        stderr: "inherit",
      }),
    );
    const hammers = new Hammers(children);
    const up = children.map((child) => {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const said = output(child, resolve);
      hammers.#outputs.push(said);
      said.then(() => reject(new Error("a hammer ended before it was ready")), reject);
      return promise;
    });
    await within("the hammers are up", Promise.all(up));
    return hammers;
  }

  begin(): void {
    for (const child of this.#children) {
      child.stdin.write("go\n");
      child.stdin.flush();
    }
  }

  kill(): Promise<unknown> {
    for (const child of this.#children) child.kill("SIGKILL");
    return Promise.all(this.#children.map((child) => child.exited));
  }

  /** What each said at its end. */
  results<T>(): Promise<T[]> {
    const all = Promise.all(this.#outputs).then((texts) => texts.map((text) => JSON.parse(text) as T));
    return within("the hammers end", all);
  }
}

/** Settles at the end with what came after `ready`. */
async function output(child: Child, ready: () => void): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of child.stdout) {
    text += decoder.decode(chunk, { stream: true });
    if (text.startsWith("ready\n")) ready();
  }
  return text.slice("ready\n".length);
}
