import { expect, test } from "bun:test";
import { eventually, Gate } from "../kit/eventually.ts";
import { isFree } from "../kit/free-port.ts";
import { RawClient } from "../kit/raw-client.ts";
import { RawOrigin } from "../kit/raw-origin.ts";
import { Sluice } from "../kit/sluice.ts";
import { accessLines, askUntil, childrenOf, connectToAll, forwarding, GREETING, isAlive, placeOf } from "./workers.ts";

test("a worker that is killed under load fails its own connections only, and is replaced", async () => {
  await using origin = await RawOrigin.start();
  await using sluice = await Sluice.start(forwarding(origin.url));
  const held = await connectToAll(sluice, [1, 2]);
  let stopped = false;
  const loads = held.map(({ client }) => askUntil(client, () => stopped));
  const settled = Promise.allSettled(loads);
  const victim = childrenOf(sluice.pid).find((pid) => placeOf(pid) === 1)!;
  process.kill(victim, "SIGKILL");
  await sluice.process.says("worker.started");
  const replacement = childrenOf(sluice.pid).find((pid) => placeOf(pid) === 1)!;
  expect(replacement).not.toBe(victim);
  const after = await connectToAll(sluice, [1, 2]);
  stopped = true;
  const outcomes = await settled;
  for (const [i, { client, place }] of held.entries()) {
    expect(outcomes[i]!.status).toBe(place === 1 ? "rejected" : "fulfilled");
    client.close();
  }
  for (const { client } of after) client.close();
});

test("a worker that hangs is killed and replaced while the other serves", async () => {
  await using sluice = await Sluice.start(GREETING);
  const held = await connectToAll(sluice, [1, 2]);
  const victim = childrenOf(sluice.pid).find((pid) => placeOf(pid) === 2)!;
  let stopped = false;
  const other = askUntil(held.find(({ place }) => place === 1)!.client, () => stopped);
  process.kill(victim, "SIGSTOP");
  await sluice.process.says("worker.silent");
  await sluice.process.says("worker.started");
  expect(isAlive(victim)).toBe(false);
  stopped = true;
  expect(await other).toBeGreaterThan(0);
  for (const { client } of held) client.close();
}, 30_000);

test("workers whose supervisor is killed finish what runs, let go of the port and end", async () => {
  const gate = new Gate();
  await using origin = await RawOrigin.start(async (request) => {
    if (request.target === "/slow") await gate.opened;
    request.reply({ body: "done" });
  });
  await using sluice = await Sluice.start(forwarding(origin.url));
  const held = await connectToAll(sluice, [1, 2]);
  const workers = childrenOf(sluice.pid);
  const before = origin.requests.length;
  for (const { client } of held) client.request({ target: "/slow" });
  await origin.request(before + held.length - 1);
  sluice.signal("SIGKILL");
  await eventually("the port to be free", () => isFree(sluice.port));
  gate.open();
  for (const { client } of held) expect((await client.read()).text).toBe("done");
  for (const { client } of held) client.close();
  await eventually("the end of the workers", () => !workers.some(isAlive));
});

test("workers whose supervisor is killed cut off what does not end in time", async () => {
  await using origin = await RawOrigin.start(() => new Gate().opened);
  await using sluice = await Sluice.start(forwarding(origin.url, { shutdown: { drainMs: 50 } }));
  const workers = childrenOf(sluice.pid);
  await using client = await RawClient.connect(sluice.port);
  client.request({});
  await origin.request(0);
  sluice.signal("SIGKILL");
  await client.ended;
  await eventually("the end of the workers", () => !workers.some(isAlive));
});

test("lines of many workers stay whole", async () => {
  await using sluice = await Sluice.start(GREETING);
  const held = await connectToAll(sluice, [1, 2]);
  const target = `/${"x".repeat(700)}`;
  await Promise.all(
    held.map(async ({ client }) => {
      for (let i = 0; i < 200; i++) {
        client.request({ target });
        await client.read();
      }
      client.close();
    }),
  );
  const logged = () => accessLines(sluice).filter((line) => line.target === target).length;
  await eventually("a line for every request", () => logged() === held.length * 200);
});
