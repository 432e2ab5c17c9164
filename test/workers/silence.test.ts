import { expect, test } from "bun:test";
import { eventually } from "../kit/eventually.ts";
import { supervising, version } from "./supervising.ts";

test("a hook that blocks a worker is named, also while the worker prepares, and the others serve", async () => {
  await supervising(["blocks", "good"], async ({ supervisor, asked, events }) => {
    await supervisor.prepare(version(1, 2));
    await supervisor.commit();
    // A compilation may take half a minute; a hook may not, so this does not wait for that long.
    await supervisor.prepare(version(2, 2));
    expect(events[0]).toMatchObject({ type: "worker.silent", worker: 1, hook: "jwt setup", pending: [] });
    await supervisor.abort();
    await eventually("the successor", () => supervisor.workers.every(({ state }) => state === "serving"));
    expect(asked(1).slice(-2)).toEqual(["prepare 1", "commit"]);
  });
}, 20_000);
