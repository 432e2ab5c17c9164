import { connect, createServer, type Server, type Socket } from "node:net";
import { readFileSync } from "node:fs";
import { within } from "../kit/eventually.ts";
import { Sluice } from "../kit/sluice.ts";

const MEGABYTE = 1 << 20;
const BLOCK = Buffer.alloc(64 * 1024, "0123456789abcdef");
/** A slow peer takes this much, then looks away for a moment: far slower than the other side could send. */
const SIP_BYTES = 4 * MEGABYTE;
const PAUSE_MS = 20;
const PATIENCE_MS = 15 * 60_000;

export interface Transfer {
  readonly receivedBytes: number;
  /** The most memory the proxy held at any time. */
  readonly peakRssMb: number;
}

/** `megabytes` from a fast origin through the proxy to a slow client, or from a fast client to a slow origin. */
export async function transfer(direction: "down" | "up", megabytes: number, edge: "serve" | "wire"): Promise<Transfer> {
  const total = megabytes * MEGABYTE;
  const arrived = Promise.withResolvers<number>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => undefined);
    if (direction === "down") serveDown(socket, total);
    else sip(socket, total, arrived.resolve);
  });
  const sluice = await Sluice.start(configuration(edge, await listen(server)));
  const client = connect({ port: sluice.port, host: "127.0.0.1", allowHalfOpen: true });
  client.on("error", () => arrived.resolve(-1));
  try {
    const framing = direction === "down" ? "" : `Content-Length: ${total}\r\n`;
    client.write(`${direction === "down" ? "GET" : "POST"} / HTTP/1.1\r\nHost: h\r\n${framing}\r\n`);
    if (direction === "down") sip(client, total, arrived.resolve);
    else pour(client, total);
    const receivedBytes = await within(`${megabytes} MB ${direction}`, arrived.promise, PATIENCE_MS);
    return { receivedBytes, peakRssMb: peakRssMb(sluice.pid) };
  } finally {
    client.destroy();
    await sluice.stop();
    server.close();
  }
}

const configuration = (edge: string, originPort: number) => (port: number) => ({
  listeners: [{ name: "web", host: "127.0.0.1", port, edge }],
  upstreams: [{ name: "origin", url: `http://127.0.0.1:${originPort}` }],
  routes: [{ path: "/*", upstream: "origin" }],
  limits: { maxBodySize: "8gb" },
});

function listen(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve((server.address() as { port: number }).port));
  });
}

function serveDown(socket: Socket, total: number): void {
  socket.once("data", () => {
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${total}\r\n\r\n`);
    pour(socket, total);
  });
}

/** As fast as the other side takes it. */
function pour(socket: Socket, total: number): void {
  let left = total;
  const go = () => {
    while (left > 0) {
      const block = left >= BLOCK.length ? BLOCK : BLOCK.subarray(0, left);
      left -= block.length;
      if (!socket.write(block)) return void socket.once("drain", go);
    }
  };
  go();
}

/** Reads a little at a time until at least `total` bytes, framing included, have come. */
function sip(socket: Socket, total: number, done: (bytes: number) => void): void {
  let received = 0;
  let rested = 0;
  socket.on("data", (bytes: Buffer) => {
    received += bytes.length;
    if (received >= total) done(received);
    if (received - rested < SIP_BYTES) return;
    rested = received;
    socket.pause();
    setTimeout(() => socket.resume(), PAUSE_MS);
  });
  socket.on("close", () => done(received));
}

/** VmHWM of Linux: the high-water mark, so that no peak between two looks is missed. */
function peakRssMb(pid: number): number {
  const kilobytes = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Math.round(Number(kilobytes) / 1024);
}
