import { describe, expect, test } from "bun:test";
import type { Container } from "../../../src/control/discovery/docker/container.ts";
import { Inspections } from "../../../src/control/discovery/docker/inspections.ts";
import { Publisher } from "../../../src/control/discovery/docker/publisher.ts";
import { container } from "./containers.ts";
import { ManualClock } from "../../kit/manual-clock.ts";

function stage() {
  const clock = new ManualClock();
  const begin = clock.now();
  const at: number[] = [];
  const publisher = new Publisher(() => at.push(clock.now() - begin), clock, clock.later);
  return { clock, at, publisher };
}

describe("when changes are published", () => {
  test("after quiet a change is there at once, with what belongs to it", async () => {
    const { clock, at, publisher } = stage();
    for (let i = 0; i < 5; i++) publisher.changed("more");
    await clock.advance(1000);
    expect(at).toEqual([10]);
  });

  test("a burst is a few updates, and nothing waits longer than 200 ms", async () => {
    const { clock, at, publisher } = stage();
    for (let i = 0; i < 200; i++) {
      publisher.changed("more");
      await clock.advance(5);
    }
    await clock.advance(1000);
    expect(at).toEqual([10, 210, 410, 610, 810, 1010]);
  });

  test("in a burst, what takes no more traffic goes first", async () => {
    const { clock, at, publisher } = stage();
    publisher.changed("more");
    await clock.advance(20);
    publisher.changed("more");
    publisher.changed("less");
    publisher.changed("more");
    await clock.advance(1000);
    expect(at).toEqual([10, 60]);
  });

  test("nothing comes after the end", async () => {
    const { clock, at, publisher } = stage();
    publisher.changed("more");
    publisher.stop();
    await clock.advance(1000);
    expect(at).toEqual([]);
  });
});

describe("looking at containers", () => {
  function inspections(width = 2) {
    const asked: string[] = [];
    const answers = new Map<string, (container: Container | null) => void>();
    const found: Array<[string, Container | null]> = [];
    const all = new Inspections({
      width,
      inspect: (id) => {
        asked.push(id);
        const { promise, resolve } = Promise.withResolvers<Container | null>();
        answers.set(id, resolve);
        return promise;
      },
      onFound: (id, container) => found.push([id, container]),
      onFailed: () => {},
    });
    const answer = async (id: string, container: Container | null) => {
      answers.get(id)!(container);
      await Bun.sleep(0);
    };
    return { all, asked, answer, found };
  }

  test("no more are asked for at once than allowed, and none twice", async () => {
    const { all, asked, answer } = inspections();
    for (const id of ["a", "b", "c", "c", "d"]) all.ask(id);
    expect(asked).toEqual(["a", "b"]);
    await answer("a", null);
    expect(asked).toEqual(["a", "b", "c"]);
  });

  test("an answer that may be out of date counts for nothing and is asked for again", async () => {
    const { all, asked, answer, found } = inspections();
    const [before, after] = [container("before"), container("after")];
    all.ask("a");
    all.touch("a");
    await answer("a", before);
    expect(found).toEqual([]);
    expect(asked).toEqual(["a", "a"]);
    await answer("a", after);
    expect(found).toEqual([["a", after]]);
  });

  test("an engine that does not answer is told of", async () => {
    const failures: Array<[string, unknown]> = [];
    const failing = new Inspections({
      width: 1,
      inspect: () => Promise.reject(new Error("gone")),
      onFound: () => {},
      onFailed: (id, error) => failures.push([id, error]),
    });
    failing.ask("a");
    await failing.idle();
    expect(failures).toEqual([["a", new Error("gone")]]);
  });

  test("it is idle when nothing is left to look at", async () => {
    const { all, answer } = inspections(1);
    await all.idle();
    all.ask("a");
    all.ask("b");
    let isIdle = false;
    const idle = all.idle().then(() => (isIdle = true));
    await answer("a", null);
    expect(isIdle).toBe(false);
    await answer("b", null);
    await idle;
  });
});
