import { expect, test } from "bun:test";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LineWriter } from "../../src/observability/line-writer.ts";
import { eventually } from "../kit/eventually.ts";
import { ROOT } from "../kit/sluice.ts";

function inFile(check: (fd: number, read: () => string) => void | Promise<void>) {
  return async () => {
    const folder = mkdtempSync(join(tmpdir(), "sluice-test-"));
    const path = join(folder, "log");
    const fd = openSync(path, "w");
    try {
      await check(fd, () => readFileSync(path, "utf8"));
    } finally {
      closeSync(fd);
      rmSync(folder, { recursive: true });
    }
  };
}

test(
  "every line arrives once and in order, also one that is longer than a piece",
  inFile(async (fd, read) => {
    const writer = new LineWriter({ fd, pieceBytes: 64 });
    const lines = Array.from({ length: 500 }, (_, i) => `${i} ${"é".repeat(i % 90)}\n`);
    for (const line of lines) writer.write(line);
    await eventually("all but the last piece", () => read().length >= lines.join("").length - 64);
    writer.flushSync();
    expect(read()).toBe(lines.join(""));
  }),
);

test(
  "what is buffered is written when the process ends",
  inFile((fd, read) => {
    const writer = new LineWriter({ fd, pieceBytes: 4096 });
    writer.write("one\n");
    expect(read()).toBe("");
    writer.flushSync();
    expect(read()).toBe("one\n");
  }),
);

test("a reader that went away does not keep the process from ending", async () => {
  const script = `
    const { LineWriter } = await import(${JSON.stringify(join(ROOT, "src/observability/line-writer.ts"))});
    const writer = new LineWriter({ fd: 1, pieceBytes: 4096 });
    writer.write("first\\n");
    writer.flushSync();
    for await (const _ of Bun.stdin.stream()) break;
    writer.write("nobody reads this\\n");
    writer.flushSync();
    process.exit(7);`;
  const child = Bun.spawn([process.execPath, "-e", script], { stdin: "pipe", stdout: "pipe", stderr: "inherit" });
  const reader = child.stdout.getReader();
  await reader.read();
  await reader.cancel();
  child.stdin.write("go\n");
  child.stdin.end();
  expect(await child.exited).toBe(7);
});
