import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { heapStats } from "bun:jsc";
import { localDecider } from "../../src/proxy/limits/rate-deciders.ts";
import { RateGate } from "../../src/proxy/limits/rate-gate.ts";
import { localState, RATE_KEYS, sharedStateBytes } from "../../src/proxy/shared-state.ts";
import { Sluice } from "../kit/sluice.ts";
import { NOW } from "../limits/tables.ts";
import { childrenOf } from "../workers/workers.ts";
import { checkNow, exchangeFor, limitSpec } from "./rate-rig.ts";

setDefaultTimeout(60_000);

const MILLION = 1_000_000;
const MIB = 2 ** 20;

/** What is held, and not what this process once needed: it has run other tests before. */
function heldMb(): number {
  Bun.gc(true);
  const { heapSize, extraMemorySize } = heapStats();
  return (heapSize + extraMemorySize) / MIB;
}

/** Asks a gate with a table of its own for each of some clients. @returns how many passed; a client may `max` times */
function clientsOf(maxKeys: number, max: number) {
  const deciders = {
    local: localDecider(localState(maxKeys).rates, { wall: () => NOW }),
    redis: () => {
      throw new Error("none here");
    },
  };
  const gate = new RateGate({ redis: null, maxKeys, global: null }, deciders, () => undefined);
  const limits = gate.compile([limitSpec({ max, by: [{ kind: "header", name: "x-key" }] })])!.early!;
  return (from: number, to: number) => {
    let passed = 0;
    for (let i = from; i < to; i++)
      if (checkNow(gate, limits, exchangeFor({ headers: { "x-key": `client ${i}` } })) === null) passed++;
    return passed;
  };
}

describe("a million clients", () => {
  test("take the memory of the keys that are remembered and no more, and each is decided", () => {
    const ask = clientsOf(RATE_KEYS, 3);
    // Every page of the table has been used, and what makes a request is compiled.
    ask(0, 50_000);
    const before = heldMb();
    expect(ask(50_000, MILLION)).toBe(MILLION - 50_000);
    expect(heldMb() - before).toBeLessThan(8);
    const last = () => ask(MILLION - 1, MILLION);
    expect([last(), last(), last(), last()]).toEqual([1, 1, 0, 0]);
  });

  test("and fewer are all remembered where there is room for them, and as many as there is where not", () => {
    const CLIENTS = 100_000;
    const rememberedOf = (maxKeys: number) => {
      const ask = clientsOf(maxKeys, 1);
      ask(0, CLIENTS);
      return CLIENTS - ask(0, CLIENTS);
    };
    expect(rememberedOf(4 * CLIENTS)).toBeGreaterThan(0.999 * CLIENTS);
    expect(rememberedOf(16_384)).toBeWithin(0.8 * 16_384, 16_385);
  });
});

test("workers share the memory that was configured when they started; another size takes a restart", async () => {
  const configuration = (maxKeys: number) => ({
    workers: 2,
    rateLimit: { maxKeys, global: { max: 5, window: "1s" } },
    routes: [{ path: "/*", respond: { status: 200 } }],
  });
  await using sluice = await Sluice.start(configuration(MILLION));
  expect(sharedStateBytes(MILLION)).toBeWithin(10 * MIB, 10 * MIB + 4096);
  const sizes = childrenOf(sluice.pid).map(sharedBytes);
  // Mapped by the page.
  expect(sizes).toEqual([10 * MIB + 4096, 10 * MIB + 4096]);
  sluice.rewrite(configuration(2 * MILLION));
  await sluice.process.says("rateLimit.maxKeys: this change takes a restart");
  expect(childrenOf(sluice.pid).map(sharedBytes)).toEqual(sizes);
});

/** The largest file without a name that a process has mapped. */
function sharedBytes(pid: number): number {
  const maps = readFileSync(`/proc/${pid}/maps`, "latin1").matchAll(/^(\w+)-(\w+) rw-s .*\/sluice-.* \(deleted\)$/gm);
  return Math.max(...[...maps].map(([, from, to]) => Number.parseInt(to!, 16) - Number.parseInt(from!, 16)));
}
