import { describe, expect, test } from "bun:test";
import { Latest } from "../../src/control/discovery/latest.ts";
import { settled } from "../kit/manual-clock.ts";

async function collect<T>(values: AsyncIterable<T>): Promise<T[]> {
  const seen: T[] = [];
  for await (const value of values) seen.push(value);
  return seen;
}

describe("a latest value", () => {
  test("is given to who begins to read after it was set", async () => {
    const latest = new Latest<number>();
    latest.set(1);
    const { value } = await latest.read(new AbortController().signal).next();
    expect(value).toBe(1);
  });

  test("is waited for by who comes first", async () => {
    const latest = new Latest<string>();
    const next = latest.read(new AbortController().signal).next();
    await settled();
    latest.set("now");
    expect(await next).toEqual({ done: false, value: "now" });
  });

  test("is all that a slow reader gets", async () => {
    const latest = new Latest<number>();
    const reader = latest.read(new AbortController().signal);
    latest.set(1);
    expect((await reader.next()).value).toBe(1);
    latest.set(2);
    latest.set(3);
    expect((await reader.next()).value).toBe(3);
    const next = reader.next();
    await settled();
    latest.set(4);
    latest.set(5);
    expect((await next).value).toBe(5);
  });

  test("is given again when it is set to the same", async () => {
    const latest = new Latest<number>();
    const reader = latest.read(new AbortController().signal);
    latest.set(7);
    await reader.next();
    latest.set(7);
    expect((await reader.next()).value).toBe(7);
  });

  test("may be undefined or null", async () => {
    const latest = new Latest<null | undefined>();
    const reader = latest.read(new AbortController().signal);
    latest.set(undefined);
    expect(await reader.next()).toEqual({ done: false, value: undefined });
    latest.set(null);
    expect(await reader.next()).toEqual({ done: false, value: null });
  });

  test("has any number of readers, each at its own pace", async () => {
    const latest = new Latest<number>();
    const { signal } = new AbortController();
    const [quick, slow] = [latest.read(signal), latest.read(signal)];
    latest.set(1);
    expect((await quick.next()).value).toBe(1);
    latest.set(2);
    expect((await quick.next()).value).toBe(2);
    expect((await slow.next()).value).toBe(2);
  });

  test("ends with its signal, whether a reader waits, has something to read, or has not begun", async () => {
    const latest = new Latest<number>();
    const abort = new AbortController();
    const waiting = collect(latest.read(abort.signal));
    await settled();
    abort.abort();
    expect(await waiting).toEqual([]);
    latest.set(1);
    expect(await collect(latest.read(abort.signal))).toEqual([]);
  });

  test("leaves nothing behind on a signal that outlives many waits", async () => {
    const latest = new Latest<number>();
    const { signal } = new AbortController();
    let listening = 0;
    const { addEventListener, removeEventListener } = signal;
    signal.addEventListener = (...all: unknown[]) => (listening++, Reflect.apply(addEventListener, signal, all));
    signal.removeEventListener = (...all: unknown[]) => (listening--, Reflect.apply(removeEventListener, signal, all));
    const reader = latest.read(signal);
    for (let i = 0; i < 5; i++) {
      const next = reader.next();
      await settled();
      latest.set(i);
      await next;
    }
    expect(listening).toBe(0);
  });
});
