/** `bun bench/idle.ts`: what an idle keep-alive connection costs a proxy in memory. */
import { parseArgs } from "node:util";
import { connect as connectTls } from "node:tls";
import { connect as connectTcp, type Socket } from "node:net";
import { once } from "node:events";
import type { Contender } from "./contenders/contender.ts";
import { residentKib } from "./harness/process-tree.ts";
import type { Running } from "./harness/run-contender.ts";
import { contenderFrom, onStage } from "./harness/stage.ts";

const USAGE = `bun bench/idle.ts [--target sluice-wire] [--connections 8000]
  --target: a contender's name (sluice-wire, sluice-serve, sluice-wire-tls, nginx, nginx-tls, …) or NAME=PORT=COMMAND`;

const REQUEST = "GET / HTTP/1.1\r\nHost: bench.test\r\n\r\n";
const AT_ONCE = 100;
const REPLY_WAIT_MS = 5_000;
const SETTLE_MS = 3_000;

/** A connection that has carried one request and now rests. */
async function idleConnection(port: number, tls: boolean): Promise<Socket> {
  const socket: Socket = tls
    ? connectTls({ host: "127.0.0.1", port, rejectUnauthorized: false })
    : connectTcp({ host: "127.0.0.1", port });
  const signal = AbortSignal.timeout(REPLY_WAIT_MS);
  await once(socket, tls ? "secureConnect" : "connect", { signal });
  socket.write(REQUEST);
  await once(socket, "data", { signal });
  return socket;
}

async function open(count: number, port: number, tls: boolean): Promise<Socket[]> {
  const sockets: Socket[] = [];
  while (sockets.length < count) {
    const batch = Math.min(AT_ONCE, count - sockets.length);
    sockets.push(...(await Promise.all(Array.from({ length: batch }, () => idleConnection(port, tls)))));
  }
  return sockets;
}

async function measure({ pid, port }: Running, contender: Contender, count: number): Promise<void> {
  const tls = contender.scheme === "https";
  const warmup = await open(AT_ONCE, port, tls); // code and pools that come with the first requests are not the connections'
  for (const socket of warmup) socket.destroy();
  await Bun.sleep(SETTLE_MS);
  const before = residentKib(pid);
  const sockets = await open(count, port, tls);
  let closed = 0;
  for (const socket of sockets) socket.on("close", () => closed++);
  await Bun.sleep(SETTLE_MS);
  const after = residentKib(pid);
  const each = ((after - before) / count).toFixed(2);
  console.log(`${contender.name}: ${count} idle connections: ${before} → ${after} KB RSS, ${each} KB each`);
  if (closed > 0) console.log(`${closed} of them were closed by the proxy: the figure is too low`);
  for (const socket of sockets) socket.destroy();
}

const { values } = parseArgs({
  options: {
    target: { type: "string", default: "sluice-wire" },
    connections: { type: "string", default: "8000" },
    help: { type: "boolean", short: "h", default: false },
  },
});

if (values.help) {
  console.log(USAGE);
  process.exit(0);
}
try {
  const contender = contenderFrom(values.target);
  await onStage(contender, (running) => measure(running, contender, Number(values.connections)));
  process.exit(0);
} catch (error) {
  console.error(`idle: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
}
