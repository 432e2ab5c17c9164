/**
 * A process of its own that writes until it is killed, or has done what it was told to.
 * `writer.ts URL pairs LANES`: each change makes two objects; a line says its number once the store has kept it.
 * `writer.ts URL count TIMES`: so many times one more in the object "count", at the revision that was read.
 */
import { writeSync } from "node:fs";
import { openStore } from "../../src/control/store/open-store.ts";
import { RevisionConflict, type Store } from "../../src/control/store/store.ts";
import { put } from "./engines.ts";

const [url, task, number] = process.argv.slice(2);
const say = (line: string) => void writeSync(1, `${line}\n`);

try {
  const store = await openStore({ url: url!, now: Date.now, log: () => undefined });
  say("open");
  if (task === "pairs") await Promise.all(Array.from({ length: Number(number) }, (_, lane) => writePairs(store, lane)));
  else for (let i = 0; i < Number(number); i++) await countOn(store);
  await store.close();
} catch (error) {
  say(`failed ${(error as { code?: string }).code} ${(error as Error).message}`);
  process.exit(3);
}

async function writePairs(store: Store, lane: number): Promise<never> {
  for (let i = 0; ; i++) {
    const id = `${lane}-${i}`;
    await store.apply([put(`${id}-a`, { id }, 0), put(`${id}-b`, { id }, 0)]);
    say(id);
  }
}

async function countOn(store: Store): Promise<void> {
  for (;;) {
    const now = await store.get("route", "count");
    try {
      await store.apply([put("count", Number(now?.value ?? 0) + 1, now?.revision ?? 0)]);
      return;
    } catch (error) {
      if (!(error instanceof RevisionConflict)) throw error;
    }
  }
}
