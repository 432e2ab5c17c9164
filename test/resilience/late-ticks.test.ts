import { expect, test } from "bun:test";
import { Ticker } from "../../src/proxy/ticker.ts";

function tickerAt(start: number) {
  let now = start;
  const told: number[] = [];
  const ticker = new Ticker({ now: () => now, wall: () => now }, 100);
  ticker.add({ tickSlot: -1, onTick: (at) => void told.push(at) });
  const tickAfter = (ms: number) => {
    now += ms;
    ticker.tick();
  };
  return { ticker, told, tickAfter };
}

test("after a time in which the process was held up, nobody is told that it is late before what has come is read", () => {
  const { ticker, told, tickAfter } = tickerAt(1_000);
  tickAfter(100);
  tickAfter(900);
  expect(ticker.now).toBe(2_000);
  tickAfter(100);
  expect(told).toEqual([1_100, 2_100]);
  ticker.stop();
});

test("a process that is always held up still keeps time", () => {
  const { ticker, told, tickAfter } = tickerAt(0);
  for (let i = 0; i < 4; i++) tickAfter(500);
  expect(told).toEqual([1_000, 2_000]);
  ticker.stop();
});
