import { afterEach, expect, test } from "bun:test";
import { mkdirSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { watchConfig, type ConfigWatch } from "../../src/control/config/watch-files.ts";
import { tempFolder, writeIn } from "./config-files.ts";

let watch: ConfigWatch | null = null;
afterEach(() => watch?.close());

/** Resolves at each change; rejects when none comes. */
function changesOf(...files: string[]) {
  let count = 0;
  let heard = () => {};
  watch = watchConfig(
    files,
    () => {
      count++;
      heard();
    },
    { debounceMs: 10, pollMs: 50 },
  );
  return {
    get count() {
      return count;
    },
    next: () =>
      new Promise<void>((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error("no change was heard")), 5000);
        heard = () => {
          clearTimeout(timer);
          resolve();
        };
      }),
  };
}

test("a save in place is one change", async () => {
  const file = writeIn(tempFolder(), "sluice.yaml", "a");
  const changes = changesOf(file);
  const next = changes.next();
  for (const text of ["b", "bc", "bcd"]) writeFileSync(file, text);
  await next;
  expect(changes.count).toBe(1);
});

test("an editor that renames a new file over the old one is heard every time", async () => {
  const folder = tempFolder();
  const file = writeIn(folder, "sluice.yaml", "a");
  const changes = changesOf(file);
  for (const text of ["b", "c", "d"]) {
    const next = changes.next();
    renameSync(writeIn(folder, ".sluice.yaml.swp", text), file);
    await next;
  }
  expect(changes.count).toBe(3);
});

test("a ConfigMap that swaps its ..data link is heard", async () => {
  const folder = tempFolder();
  writeIn(folder, "..v1/sluice.yaml", "a");
  writeIn(folder, "..v2/sluice.yaml", "b");
  symlinkSync("..v1", join(folder, "..data"));
  symlinkSync("..data/sluice.yaml", join(folder, "sluice.yaml"));
  const next = changesOf(join(folder, "sluice.yaml")).next();
  symlinkSync("..v2", join(folder, "..data_tmp"));
  renameSync(join(folder, "..data_tmp"), join(folder, "..data"));
  await next;
});

test("a link's target elsewhere is heard", async () => {
  const target = writeIn(tempFolder(), "real.yaml", "a");
  const link = join(tempFolder(), "sluice.yaml");
  symlinkSync(target, link);
  const next = changesOf(link).next();
  writeFileSync(target, "b");
  await next;
});

test("a touch, the same text again, a moment's absence and a neighbour's change are no changes", async () => {
  const folder = tempFolder();
  const file = writeIn(folder, "sluice.yaml", "a");
  const other = writeIn(folder, "other.pem", "x");
  const changes = changesOf(file, other);
  utimesSync(file, new Date(), new Date());
  writeFileSync(file, "a");
  rmSync(file);
  writeFileSync(file, "a");
  writeIn(folder, "neighbour", "y");
  // The change that counts comes last: whatever the others caused would have been told with it or before.
  const next = changes.next();
  writeFileSync(other, "z");
  await next;
  expect(changes.count).toBe(1);
});

test("a file that comes into being, also in a folder that does, is a change; so is one that is gone for good", async () => {
  const file = join(tempFolder(), "later", "ca.pem");
  const changes = changesOf(file);
  let next = changes.next();
  mkdirSync(join(file, ".."));
  writeFileSync(file, "a");
  await next;
  next = changes.next();
  rmSync(file);
  await next;
});

test("files may be exchanged, and a closed watch says nothing", async () => {
  const folder = tempFolder();
  const [first, second] = [writeIn(folder, "1", "a"), writeIn(folder, "2", "a")];
  const changes = changesOf(first);
  watch!.update([second]);
  const next = changes.next();
  writeFileSync(first, "b");
  writeFileSync(second, "b");
  await next;
  expect(changes.count).toBe(1);
});

test("a folder changes with the names in it, also when it comes into being", async () => {
  const folder = join(tempFolder(), "plugins");
  const changes = changesOf(folder);
  let next = changes.next();
  writeIn(folder, "a.ts", "");
  await next;
  next = changes.next();
  rmSync(join(folder, "a.ts"));
  await next;
});
