import { expect, test } from "bun:test";
import { eventually } from "../kit/eventually.ts";
import { freePort, isFree } from "../kit/free-port.ts";
import { ask } from "../kit/raw-client.ts";
import { RawOrigin } from "../kit/raw-origin.ts";
import { type Config, Sluice } from "../kit/sluice.ts";
import { echoMessages, openWebSocket } from "../kit/websocket-origin.ts";
import {
  askUntil,
  childrenOf,
  connectToAll,
  forwarding,
  GREETING,
  isAlive,
  placeOf,
  sharedListener,
} from "./workers.ts";

function answering(body: string, more: Config = {}): Config {
  return { ...GREETING, routes: [{ path: "/*", respond: { status: 200, body } }], ...more };
}

test("a reload under load reaches all workers and fails no request", async () => {
  await using sluice = await Sluice.start(answering("old"));
  const held = await connectToAll(sluice, [1, 2]);
  let stopped = false;
  const loads = held.map(({ client }) => askUntil(client, () => stopped));
  sluice.rewrite(answering("new"));
  await sluice.process.says("configuration reloaded");
  stopped = true;
  for (const replies of await Promise.all(loads)) expect(replies).toBeGreaterThan(0);
  for (const { client } of held) {
    client.request({});
    expect((await client.read()).text).toBe("new");
    client.close();
  }
});

test("ten thousand routes reach all workers", async () => {
  await using sluice = await Sluice.start(answering("old"));
  const held = await connectToAll(sluice, [1, 2]);
  const routes = Array.from({ length: 10_000 }, (_, i) => {
    return { name: `r${i}`, path: `/r${i}/*`, respond: { status: 200, body: `r${i}` } };
  });
  sluice.rewrite(answering("new", { routes }));
  await sluice.process.says("configuration reloaded");
  for (const { client } of held) {
    client.request({ target: "/r9999/x" });
    expect((await client.read()).text).toBe("r9999");
    client.close();
  }
}, 30_000);

test("a version that cannot be had is refused by all, and the last good one keeps serving", async () => {
  await using sluice = await Sluice.start(answering("old"));
  const held = await connectToAll(sluice, [1, 2]);
  const taken = await freePort();
  const other = sharedListener(taken);
  const listeners = [sluice.port, taken].map((port) => ({ host: "127.0.0.1", port }));
  sluice.rewrite(answering("new", { listeners }));
  await sluice.process.says("configuration rejected");
  for (const { client } of held) {
    client.request({});
    expect((await client.read()).text).toBe("old");
    client.close();
  }
  other.stop();
});

test("a listener that is added opens in all workers, and one that is removed lets go of its port", async () => {
  await using sluice = await Sluice.start(GREETING);
  const port = await freePort();
  const web = { name: "web", host: "127.0.0.1", port: sluice.port };
  sluice.rewrite({ ...GREETING, listeners: [web, { name: "more", host: "127.0.0.1", port }] });
  // Not by trying to bind it: that would take the port from the workers.
  await sluice.process.says("configuration reloaded");
  expect((await ask(port)).status).toBe(200);
  sluice.rewrite({ ...GREETING, listeners: [web] });
  await eventually("the end of the listener", () => isFree(port));
});

test("a worker that is started after a reload serves the new version", async () => {
  await using sluice = await Sluice.start(answering("old"));
  sluice.rewrite(answering("new"));
  await sluice.process.says("configuration reloaded");
  for (const pid of childrenOf(sluice.pid)) process.kill(pid, "SIGKILL");
  await eventually("both replacements", () => sluice.timesLogged("worker.started") === 2);
  for (const { client } of await connectToAll(sluice, [1, 2])) {
    client.request({});
    expect((await client.read()).text).toBe("new");
    client.close();
  }
});

test("more workers join at a reload", async () => {
  await using sluice = await Sluice.start(GREETING);
  sluice.rewrite({ ...GREETING, workers: 3 });
  await sluice.process.says("configuration reloaded");
  expect(childrenOf(sluice.pid).map(placeOf)).toEqual([1, 2, 3]);
  for (const { client } of await connectToAll(sluice, [1, 2, 3])) client.close();
});

test("a worker that is retired keeps its WebSockets until they end, and takes nothing new", async () => {
  await using origin = await RawOrigin.start((request) => {
    return request.target === "/ws" ? echoMessages(request) : request.reply();
  });
  await using sluice = await Sluice.start(forwarding(origin.url));
  const opened = await Promise.all(Array.from({ length: 24 }, () => openWebSocket(sluice.port)));
  const retired = childrenOf(sluice.pid).find((pid) => placeOf(pid) === 2)!;
  sluice.rewrite(forwarding(origin.url, { workers: 1 }));
  await sluice.process.says("worker.retired");
  for (const { client } of await connectToAll(sluice, [1])) client.close();
  for (const [i, { socket }] of opened.entries()) {
    socket.text(`message ${i}`);
    expect(await socket.nextText()).toBe(`message ${i}`);
  }
  expect(isAlive(retired)).toBe(true);
  for (const { client } of opened) client.close();
  await eventually("the end of the retired worker", () => !isAlive(retired));
  expect((await ask(sluice.port)).status).toBe(200);
});

test("a retired worker's WebSockets end after shutdown.retireMs where it is set", async () => {
  await using origin = await RawOrigin.start(echoMessages);
  await using sluice = await Sluice.start(forwarding(origin.url));
  const opened = await Promise.all(Array.from({ length: 24 }, () => openWebSocket(sluice.port)));
  const retired = childrenOf(sluice.pid).find((pid) => placeOf(pid) === 2)!;
  sluice.rewrite(forwarding(origin.url, { workers: 1, shutdown: { retireMs: 50 } }));
  await eventually("the end of the retired worker", () => !isAlive(retired));
  for (const { client } of opened) client.close();
});

test("going from one process to workers takes a restart, and says so", async () => {
  await using sluice = await Sluice.start({ ...GREETING, workers: 1 });
  sluice.rewrite(GREETING);
  await sluice.process.says("takes a restart");
  expect(childrenOf(sluice.pid)).toEqual([]);
  expect((await ask(sluice.port)).status).toBe(200);
});
