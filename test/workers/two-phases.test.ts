import { expect, test } from "bun:test";
import { eventually } from "../kit/eventually.ts";
import { supervising, version } from "./supervising.ts";

test("nobody commits before everybody has prepared", async () => {
  await supervising(["good", "good"], async ({ supervisor, asked }) => {
    await supervisor.prepare(version(1, 2));
    expect([asked(1), asked(2)]).toEqual([["prepare 1"], ["prepare 1"]]);
    await supervisor.commit();
    expect([asked(1), asked(2)]).toEqual([
      ["prepare 1", "commit"],
      ["prepare 1", "commit"],
    ]);
  });
});

test("a version that one worker refuses is committed by none", async () => {
  await supervising(["good", "refuses"], async ({ supervisor, asked }) => {
    await supervisor.prepare(version(1, 2));
    await supervisor.commit();
    await expect(supervisor.prepare(version(2, 2))).rejects.toThrow("not this one");
    await supervisor.abort();
    const all = ["prepare 1", "commit", "prepare 2", "abort"];
    expect([asked(1), asked(2)]).toEqual([all, all]);
  });
});

test("a worker that was to join for a refused version goes, and the others stay", async () => {
  await supervising(["good", "refuses"], async ({ supervisor }) => {
    await supervisor.prepare(version(1, 1));
    await supervisor.commit();
    await expect(supervisor.prepare(version(2, 2))).rejects.toThrow("not this one");
    await supervisor.abort();
    expect(supervisor.workers.map(({ number, state }) => [number, state])).toEqual([[1, "serving"]]);
  });
});

test("a version that kills every worker is refused, and successors get the last good one", async () => {
  await supervising(["dies", "dies"], async ({ supervisor, asked }) => {
    await supervisor.prepare(version(1, 2));
    await supervisor.commit();
    await expect(supervisor.prepare(version(2, 2))).rejects.toThrow("ended while it prepared");
    await supervisor.abort();
    await eventually("successors", () => supervisor.workers.every(({ state }) => state === "serving"));
    for (const place of [1, 2]) expect(asked(place).slice(-2)).toEqual(["prepare 1", "commit"]);
  });
});

test("a worker that dies while others prepare does not hold the version up; its successor gets it", async () => {
  await supervising(["good", "good"], async ({ supervisor, asked }) => {
    await supervisor.prepare(version(1, 2));
    await supervisor.commit();
    process.kill(supervisor.workers[1]!.pid!, "SIGKILL");
    await supervisor.prepare(version(2, 2));
    await supervisor.commit();
    await eventually("the successor", () => asked(2).at(-1) === "commit" && asked(2).at(-2) === "prepare 2");
    await eventually("its service", () => supervisor.workers.every(({ state }) => state === "serving"));
    expect(asked(1)).toEqual(["prepare 1", "commit", "prepare 2", "commit"]);
  });
});
