import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { failure, opened, put } from "./engines.ts";

const SIZE_BYTES = 2 * 1024 * 1024;

const disk = mkdtempSync(join(tmpdir(), "sluice-disk-"));

/** A disk of its own, where this user may have one. */
function mount(): boolean {
  const words = ["mount", "-t", "tmpfs", "-o", `size=${SIZE_BYTES}`, "sluice-test", disk];
  return Bun.which("mount") !== null && Bun.spawnSync(words, { stderr: "ignore" }).exitCode === 0;
}

function unmount(): void {
  Bun.spawnSync(["umount", disk]);
}

const mayMount = mount();
if (mayMount) unmount();
rmSync(disk, { recursive: true });
const describeWithDisk = mayMount ? describe : describe.skip;

describeWithDisk(`a store in SQLite${mayMount ? "" : " (skipped: this user may not mount a small disk)"}`, () => {
  beforeAll(() => {
    mkdirSync(disk);
    mount();
  });
  afterAll(() => {
    unmount();
    rmSync(disk, { recursive: true });
  });

  test("on a full disk refuses what it cannot keep, keeps what it has, and goes on once there is room", async () => {
    const ballast = join(disk, "ballast");
    writeFileSync(ballast, new Uint8Array(SIZE_BYTES / 2));
    const url = `sqlite:${join(disk, "sluice.db")}`;
    const value = "x".repeat(50_000);
    const kept: string[] = [];
    {
      await using one = await opened(url);
      const fill = async () => {
        for (let i = 0; ; i++) {
          const [a, b] = await one.store.apply([put(`a${kept.length}`, value), put(`b${kept.length}`, value)]);
          kept.push(a!.id, b!.id);
        }
      };
      const error = await failure(fill());
      expect([error.code, error.message]).toEqual(["unwritable", expect.stringContaining("the disk is full")]);
      expect(kept.length).toBeGreaterThan(2);
      expect((await one.store.list("route")).map(({ id }) => id)).toEqual(kept);
      expect((await failure(fill())).code).toBe("unwritable");
      rmSync(ballast);
      await one.store.apply([put("c", value)]);
      await one.store.check();
    }
    await using two = await opened(url);
    expect((await two.store.list("route")).map(({ id }) => id)).toEqual([...kept, "c"]);
  });
});
