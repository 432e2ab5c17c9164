import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfig } from "../../src/control/config/load-config.ts";
import { SlotTable } from "../../src/control/config/slot-table.ts";
import type { WorkerEvent } from "../../src/control/workers/messages.ts";
import { Supervisor } from "../../src/control/workers/supervisor.ts";
import { eventually } from "../kit/eventually.ts";
import { freePort } from "../kit/free-port.ts";
import { ROOT, toYaml } from "../kit/sluice.ts";
import { RawClient } from "../kit/raw-client.ts";
import { bareOptions, supervising, version } from "./supervising.ts";
import { isAlive } from "./workers.ts";

const renewed = (events: readonly WorkerEvent[]) => events.filter(({ type }) => type === "worker.renewed");

test("a worker that has loaded many modules hands its place over to a new one and drains", async () => {
  const check = async ({ supervisor, asked, events }: Parameters<Parameters<typeof supervising>[1]>[0]) => {
    for (const number of [1, 2, 3]) {
      await supervisor.prepare(version(number, 1));
      await supervisor.commit();
    }
    const before = supervisor.workers[0]!.pid!;
    await eventually("the renewal", () => renewed(events).length === 1);
    const now = supervisor.workers[0]!;
    expect(now).toMatchObject({ state: "serving", restarts: 0 });
    expect(renewed(events)).toEqual([
      { type: "worker.renewed", worker: 1, pid: before, successor: now.pid!, modulesLoaded: 2 },
    ]);
    await eventually("the end of the one before", () => !isAlive(before));
    expect(asked(1).slice(-3)).toEqual(["prepare 3", "commit", "drain"]);
    expect(events.map(({ type }) => type)).toEqual(["worker.started", "worker.renewed"]);
  };
  await supervising(["grows"], check, { maxModules: 2 });
});

test("workers are renewed one after the other", async () => {
  const check = async ({ supervisor, events }: Parameters<Parameters<typeof supervising>[1]>[0]) => {
    for (const number of [1, 2]) {
      await supervisor.prepare(version(number, 2));
      await supervisor.commit();
    }
    await eventually("both renewals", () => renewed(events).length === 2);
    const ours = events.map(({ type, worker }) => `${type} ${worker}`);
    const [first, second] = ours[0]!.endsWith("1") ? [1, 2] : [2, 1];
    expect(ours).toEqual([
      `worker.started ${first}`,
      `worker.renewed ${first}`,
      `worker.started ${second}`,
      `worker.renewed ${second}`,
    ]);
  };
  await supervising(["grows", "grows"], check, { maxModules: 1 });
});

test("a worker whose successor cannot serve goes on", async () => {
  const check = async ({ supervisor, asked, events }: Parameters<Parameters<typeof supervising>[1]>[0]) => {
    for (const number of [1, 2]) {
      await supervisor.prepare(version(number, 1));
      await supervisor.commit();
    }
    const before = supervisor.workers[0]!.pid;
    await eventually("the successor's end", () => events.some(({ type }) => type === "worker.died"));
    expect(events[0]).toEqual({ type: "worker.failed", worker: 1, reason: "no successor" });
    expect(supervisor.workers).toMatchObject([{ state: "serving", pid: before, restarts: 0 }]);
    await supervisor.prepare(version(3, 1));
    await supervisor.commit();
    expect(asked(1).slice(-2)).toEqual(["prepare 3", "commit"]);
    expect(supervisor.workers[0]!.pid).toBe(before);
  };
  await supervising(["last"], check, { maxModules: 1 });
});

test("reloads go on while workers are renewed, and every successor ends with the last version", async () => {
  const check = async ({ supervisor, asked, events }: Parameters<Parameters<typeof supervising>[1]>[0]) => {
    let number = 0;
    while (renewed(events).length < 2) {
      await supervisor.prepare(version(++number, 2));
      await supervisor.commit();
    }
    await supervisor.prepare(version(++number, 2));
    await supervisor.commit();
    for (const place of [1, 2]) {
      const words = asked(place).filter((line) => line !== "drain");
      expect(words.slice(-2)).toEqual([`prepare ${number}`, "commit"]);
    }
  };
  await supervising(["grows", "grows"], check, { maxModules: 2 });
}, 30_000);

/** Asks again and again on one connection, and on another once a reply says `Connection: close`. Fails with the first failure. */
async function keepAsking(port: number, stopped: () => boolean): Promise<number> {
  let replies = 0;
  let client = await RawClient.connect(port);
  for (; !stopped(); replies++) {
    client.stream.record = false;
    client.request({ target: "/load" });
    const reply = await client.read();
    if (reply.status !== 200) throw new Error(`got ${reply.status}`);
    if (reply.header("connection") !== "close") continue;
    client.close();
    client = await RawClient.connect(port);
  }
  client.close();
  return replies;
}

test("renewals under load fail no request on connections that are kept", async () => {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), "sluice-test-"));
  const file = join(folder, "sluice.yaml");
  const routes = [{ path: "/*", respond: { status: 200, body: "hello" } }];
  writeFileSync(file, toYaml({ listeners: [{ host: "127.0.0.1", port }], workers: 2, routes }));
  const loaded = await loadConfig(file, { env: {}, sets: [], slots: new SlotTable() });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.errors));
  const events: WorkerEvent[] = [];
  const supervisor = new Supervisor({
    command: (place) => [process.execPath, join(ROOT, "src/main.ts"), "worker", String(place), "fatal", "json"],
    ...bareOptions((event) => events.push(event)),
    // Every worker has loaded so many.
    maxModules: 0,
  });
  try {
    await supervisor.prepare({ ...loaded.spec, version: 1 });
    await supervisor.commit();
    let stopped = false;
    const loads = Array.from({ length: 8 }, () => keepAsking(port, () => stopped));
    const settled = Promise.all(loads);
    await eventually("six renewals", () => renewed(events).length >= 6, 30_000);
    stopped = true;
    for (const replies of await settled) expect(replies).toBeGreaterThan(0);
  } finally {
    supervisor.stop();
    rmSync(folder, { recursive: true });
  }
}, 60_000);
