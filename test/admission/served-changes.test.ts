import { expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { eventually } from "../kit/eventually.ts";
import { ask, RawClient } from "../kit/raw-client.ts";
import { type Config, Sluice } from "../kit/sluice.ts";
import { childrenOf } from "../workers/workers.ts";
import { HoldingOrigin, places } from "./crowd.ts";

setDefaultTimeout(60_000);

type Version = { limits?: Config; route?: Config; process?: number };

function config(origin: HoldingOrigin, version: Version, number: number, workers = 1): Config {
  return {
    workers,
    ...(version.process !== undefined && { limits: { maxInFlight: version.process } }),
    security: { headers: { "X-Version": String(number) } },
    upstreams: [{ name: "api", url: origin.url, ...(version.limits && { limits: version.limits }) }],
    routes: [{ name: "all", path: "/*", upstream: "api", ...version.route }],
    logging: { access: "off" },
  };
}

/** Asks again and again, until it is stopped; remembers which answers it got. */
function crowd(port: number, clients: number) {
  const statuses = new Set<number>();
  const state = { isOver: false };
  const drive = async () => {
    const client = await RawClient.connect(port);
    client.stream.record = false;
    while (!state.isOver) {
      client.request({ target: "/load" });
      statuses.add((await client.read()).status);
    }
    client.close();
  };
  const all = Array.from({ length: clients }, drive);
  return {
    statuses,
    stop: async () => {
      state.isOver = true;
      await Promise.all(all);
    },
  };
}

/** Answers what has come, each turn of the loop: so that many are in flight while versions change. */
function answering(origin: HoldingOrigin): Disposable {
  const timer = setInterval(() => origin.answerAll(), 2);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

test("versions that change every limit under load leave no place taken and none too many", async () => {
  await using origin = await HoldingOrigin.start();
  const versions: Version[] = [
    { limits: { maxInFlight: 2, queue: { max: 3, wait: "1s" } } },
    { limits: { maxInFlight: 6, queue: { max: 1, wait: "20ms" } }, route: { maxInFlight: 4 } },
    {},
    { limits: { adaptive: true }, process: 7 },
    { route: { maxInFlight: 3 } },
    { limits: { maxInFlight: 1, queue: { max: 20, wait: "1s" } }, process: 30 },
    { limits: { maxInFlight: 4 }, route: { maxInFlight: 9 }, process: 11 },
  ];
  await using sluice = await Sluice.start(config(origin, versions[0]!, 0));
  const load = crowd(sluice.port, 12);
  {
    using _ = answering(origin);
    for (const [number, version] of [...versions.entries(), ...versions.entries()].slice(1)) {
      sluice.rewrite(config(origin, version, number));
      const isServed = async () => (await ask(sluice.port)).header("x-version") === String(number);
      await eventually(`version ${number}`, isServed);
    }
    await load.stop();
  }
  expect([...load.statuses].sort()).toEqual([200, 503]);
  expect(await places(sluice.port, "/", origin)).toBe(4);
  sluice.rewrite(config(origin, { route: { maxInFlight: 3 } }, 100));
  await eventually("the route's limit", async () => (await places(sluice.port, "/", origin)) === 3);
}, 30_000);

test("two workers have one limit together, and the places of one that is killed are free again", async () => {
  await using origin = await HoldingOrigin.start();
  const limited = { limits: { maxInFlight: 6 }, route: { maxInFlight: 8 }, process: 9 };
  await using sluice = await Sluice.start(config(origin, limited, 0, 2));
  // The kernel spreads connections over both: of so many some come to each.
  const misses = 8;
  expect(await places(sluice.port, "/", origin, misses)).toBe(6);
  const clients = await Promise.all(Array.from({ length: 20 }, () => RawClient.connect(sluice.port)));
  for (const client of clients) client.request({ target: "/held" });
  await eventually("an answer or a place for each", () => {
    const refused = clients.filter((client) => client.stream.unread.length > 0).length;
    return origin.held.length > 0 && refused + origin.held.length === clients.length;
  });
  const before = origin.held.length;
  process.kill(holderOf(origin, sluice), "SIGKILL");
  await eventually("its requests end at the origin", () => origin.held.length < before);
  await fill(sluice.port, origin);
  await origin.holds(6);
  origin.answerAll();
  for (const client of clients) client.close();
  expect(await places(sluice.port, "/", origin, misses)).toBe(6);
}, 30_000);

test("who waits in one worker gets the place that another one had when it was killed", async () => {
  await using origin = await HoldingOrigin.start();
  const limited = { limits: { maxInFlight: 1, queue: { max: 50, wait: "1m" } } };
  await using sluice = await Sluice.start(config(origin, limited, 0, 2));
  // So many that some come to each worker, and wait there still when a few have had their turn.
  const clients = await Promise.all(Array.from({ length: 40 }, () => RawClient.connect(sluice.port)));
  for (const [i, client] of clients.entries()) client.request({ target: `/${i}` });
  await origin.holds(1);
  const answered = () => clients.filter((client) => client.stream.unread.length > 0).length;
  const lost = () => clients.filter((client) => client.stream.ending !== null).length;
  for (let n = 1; n <= 4; n++) {
    origin.answer();
    await eventually(`${n} answers`, () => answered() === n);
    await origin.holds(1);
  }
  expect(origin.most).toBe(1);
  const [holder] = origin.held;
  process.kill(holderOf(origin, sluice), "SIGKILL");
  await eventually("another one has the place", () => origin.held.length === 1 && origin.held[0] !== holder);
  await eventually("the clients of the dead one know", () => lost() > 0);
  await eventually("all the others have their turn", () => {
    origin.answerAll();
    return clients.every((client) => client.stream.unread.length > 0 || client.stream.ending !== null);
  });
  expect(lost()).toBeLessThan(clients.length - 4);
  for (const client of clients) client.close();
}, 30_000);

/** Takes all places that are free, until nobody gets one any more. */
async function fill(port: number, origin: HoldingOrigin): Promise<void> {
  for (let refused = 0; refused < 12;) {
    const before = origin.got.length;
    const client = await RawClient.connect(port);
    client.request({ target: "/held" });
    const { stream } = client;
    // What the dead worker had not accepted yet is reset: neither the one nor the other.
    await eventually(
      "an answer or a place",
      () => origin.got.length > before || stream.unread.length > 0 || stream.ending !== null,
    );
    if (stream.unread.length > 0) refused++;
  }
}

/** The worker whose request the origin has first: by the socket that it came from. */
function holderOf(origin: HoldingOrigin, sluice: Sluice): number {
  const { remotePort, localPort } = origin.held[0]!.connection.socket;
  const [from, to] = [remotePort!, localPort!].map((port) => `:${port.toString(16).toUpperCase().padStart(4, "0")}`);
  const sockets = readFileSync("/proc/net/tcp", "latin1").split("\n");
  const inode = sockets
    .map((line) => line.trim().split(/\s+/))
    .find((fields) => fields[1]?.endsWith(from!) && fields[2]?.endsWith(to!) && fields[9] !== "0")?.[9];
  const owns = (pid: number) =>
    readdirSync(`/proc/${pid}/fd`).some((fd) => linkOf(`/proc/${pid}/fd/${fd}`) === `socket:[${inode}]`);
  const pid = childrenOf(sluice.pid).find(owns);
  if (pid === undefined) throw new Error("no worker has that socket");
  return pid;
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}
