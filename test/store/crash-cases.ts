import { expect, test } from "bun:test";
import { join } from "node:path";
import { type Engine, opened } from "./engines.ts";

export interface Writer {
  readonly child: Bun.Subprocess<"ignore", "pipe", "inherit">;
  /** The lines that it has said so far. */
  readonly said: string[];
  /** Kept once it has said so many lines, or has ended. */
  hasSaid(lines: number): Promise<void>;
}

export function startWriter(url: string, task: "pairs" | "count", number: number): Writer {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "writer.ts"), url, task, `${number}`], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
  });
  const said: string[] = [];
  const reader = lines(child.stdout);
  return {
    child,
    said,
    async hasSaid(count) {
      while (said.length < count) {
        const { value, done } = await reader.next();
        if (done) return;
        said.push(value);
      }
    },
  };
}

/** The last one, if it was cut off, is none. */
async function* lines(stream: ReadableStream<Uint8Array>): AsyncGenerator<string, undefined> {
  let rest = "";
  const decoder = new TextDecoder();
  for await (const bytes of stream) {
    const complete = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = complete.pop()!;
    yield* complete;
  }
  return undefined;
}

/** All that was acknowledged is there; nothing is there by half. */
export async function expectAllOf(url: string, said: readonly string[]): Promise<void> {
  await using after = await opened(url);
  const values = new Map((await after.store.list("route")).map(({ id, value }) => [id, value]));
  const missing = said.filter((id) => /^\d+-\d+$/.test(id) && !(values.has(`${id}-a`) && values.has(`${id}-b`)));
  expect(missing).toEqual([]);
  const halves = [...values.keys()].filter((id) => !values.has(id.replace(/-[ab]$/, id.endsWith("a") ? "-b" : "-a")));
  expect(halves).toEqual([]);
  expect((await after.store.audit({ page: 1, pageSize: 1 })).total).toBe(values.size);
}

/** What every engine survives. */
export function crashCases(engine: Engine): void {
  test("kill -9 in the middle of thousands of writes loses none that was acknowledged", async () => {
    for (const lines of [100, 700, 1500]) {
      const url = await engine.freshUrl();
      const writer = startWriter(url, "pairs", 4);
      await writer.hasSaid(lines);
      writer.child.kill("SIGKILL");
      await writer.child.exited;
      await writer.hasSaid(Infinity);
      expect(writer.said.length).toBeGreaterThanOrEqual(lines);
      await expectAllOf(url, writer.said);
    }
  }, 60_000);

  test("processes that write at once neither lose a change of another one nor make one twice", async () => {
    const url = await engine.freshUrl();
    const writers = [1, 2, 3].map(() => startWriter(url, "count", 40));
    for (const writer of writers) {
      await writer.hasSaid(Infinity);
      expect([await writer.child.exited, writer.said]).toEqual([0, ["open"]]);
    }
    await using one = await opened(url);
    expect(await one.store.get("route", "count")).toMatchObject({ value: 120, revision: 120 });
  }, 60_000);
}
