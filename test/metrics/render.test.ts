import { expect, test } from "bun:test";
import type { Family } from "../../src/observability/metrics/exposition.ts";
import { inTurns, type Pace, Turn, TURN_MS } from "../../src/observability/metrics/pace.ts";
import { render } from "../../src/observability/metrics/render.ts";

/** Time passes with each look at the clock; notes how long each turn was. */
class SlowClock implements Pace {
  readonly turns: number[] = [];
  readonly #step: number;
  #now = 0;
  #since = 0;

  constructor(step: number) {
    this.#step = step;
  }

  now(): number {
    return (this.#now += this.#step);
  }

  rest(): Promise<void> {
    this.turns.push(this.#now - this.#since);
    this.#since = this.#now;
    return Promise.resolve();
  }
}

function family(name: string, blocks: readonly string[]): Family {
  return { name, type: "gauge", help: "h", blocks: () => blocks };
}

async function read(chunks: AsyncIterable<string>): Promise<string[]> {
  const all: string[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return all;
}

test("rendering stops for others after each turn, and comes out whole", async () => {
  const clock = new SlowClock(0.1);
  const lines = Array.from({ length: 500 }, (_, i) => `m{i="${i}"} 1\n`);
  const chunks = await read(render([family("m", lines)], "text", new Turn(clock)));
  expect(chunks.join("")).toBe(`# HELP m h\n# TYPE m gauge\n${lines.join("")}`);
  expect(clock.turns.length).toBeGreaterThan(30);
  expect(Math.max(...clock.turns)).toBeLessThan(TURN_MS + 0.5);
});

test("what comes fast is handed on in chunks, not all at once", async () => {
  const clock = new SlowClock(0);
  const chunks = await read(
    render([family("m", Array<string>(5000).fill(`m ${"1".repeat(60)}\n`))], "text", new Turn(clock)),
  );
  expect(chunks.length).toBeGreaterThan(5);
  expect(Math.max(...chunks.map(({ length }) => length))).toBeLessThan(40_000);
  expect(clock.turns).toEqual([]);
});

test("a family without lines is not named", async () => {
  const text = (
    await read(render([family("none", []), family("empty", [""]), family("m", ["m 1\n"])], "openmetrics"))
  ).join("");
  expect(text).toBe("# TYPE m gauge\n# HELP m h\nm 1\n# EOF\n");
});

test("a reader that goes away ends the work", async () => {
  let asked = 0;
  const endless: Family = {
    ...family("m", []),
    *blocks() {
      for (;;) yield `m{i="${asked++}"} ${"1".repeat(1000)}\n`;
    },
  };
  for await (const chunk of render([endless], "text")) {
    expect(chunk).toStartWith("# HELP m h\n");
    break;
  }
  const before = asked;
  await new Promise((resolve) => setImmediate(resolve));
  expect(asked).toBe(before);
});

test("work in turns does everything, in order", async () => {
  const clock = new SlowClock(0.4);
  const done: number[] = [];
  await inTurns([1, 2, 3, 4, 5, 6, 7], (item) => void done.push(item), new Turn(clock));
  expect(done).toEqual([1, 2, 3, 4, 5, 6, 7]);
  expect(clock.turns.length).toBeGreaterThan(1);
});

test("many short pieces of work make no long turn together", async () => {
  const clock = new SlowClock(0.2);
  const turn = new Turn(clock);
  for (let i = 0; i < 50; i++) await inTurns([1, 2], () => undefined, turn);
  expect(clock.turns.length).toBeGreaterThan(10);
  expect(Math.max(...clock.turns)).toBeLessThan(TURN_MS + 0.5);
});
