import { afterAll, beforeAll, expect, test } from "bun:test";
import { connect, createServer, type Socket } from "node:net";
import { Authority } from "../kit/certificates.ts";
import { eventually } from "../kit/eventually.ts";
import { freePort } from "../kit/free-port.ts";
import { RawClient } from "../kit/raw-client.ts";
import { RawOrigin } from "../kit/raw-origin.ts";
import { Sluice } from "../kit/sluice.ts";
import { connectTls } from "../kit/tls-client.ts";

const authority = new Authority();
const [one, two] = [authority.issue("one.test"), authority.issue("two.test")];

let origin: RawOrigin;
let sluice: Sluice;

beforeAll(async () => {
  origin = await RawOrigin.start();
  const tls = [one, two].map(({ certFile, keyFile }) => ({ cert: certFile, key: keyFile }));
  sluice = await Sluice.start((port) => ({
    listeners: [{ name: "web", host: "127.0.0.1", port, edge: "wire", tls }],
    timeouts: { head: "1s" },
    upstreams: [{ name: "origin", url: origin.url }],
    routes: [{ path: "/*", upstream: "origin" }],
  }));
});

afterAll(async () => {
  await sluice.stop();
  await origin.stop();
  authority[Symbol.dispose]();
});

async function stillServes(): Promise<void> {
  const { client } = await connectTls(sluice.port);
  await using _closed = client;
  client.request({});
  expect((await client.read()).status).toBe(200);
}

/** Sockets the gateway holds, by the kernel's own account. */
function openSockets(): number {
  const { stdout } = Bun.spawnSync(["bash", "-c", `ls -l /proc/${sluice.pid}/fd | grep -c socket:`]);
  return Number(stdout.toString());
}

test("plain HTTP on the TLS port is told what is wrong", async () => {
  await using client = await RawClient.connect(sluice.port);
  client.request({});
  const reply = await client.read();
  expect(reply.status).toBe(400);
  expect(reply.text).toContain("HTTPS");
  await client.ended;
  await stillServes();
});

test("what is neither TLS nor HTTP, or lies about its lengths, ends the connection and nothing else", async () => {
  const lies = "160301002c010000280303" + "00".repeat(32) + "ff".repeat(6);
  for (const bytes of ["00", "160301ffff", "1603010004010000ff", "16030100050200000100", lies, "150301000200"]) {
    await using client = await RawClient.connect(sluice.port);
    client.send(Buffer.from(bytes, "hex"));
    await client.ended;
  }
  await stillServes();
});

test("a handshake that does not get on is cut off by the clock", async () => {
  const silent = await RawClient.connect(sluice.port);
  const halfway = await RawClient.connect(sluice.port);
  halfway.send(Buffer.from("160301020001000100", "hex"));
  const started = performance.now();
  await Promise.all([silent.ended, halfway.ended]);
  expect(performance.now() - started).toBeGreaterThan(900);
  await stillServes();
});

/** A way to the gateway that hands on every octet of the client by itself. */
async function dripping(): Promise<Socket> {
  const port = await freePort();
  const relay = createServer((client) => {
    const gateway = connect({ port: sluice.port, host: "127.0.0.1", noDelay: true });
    gateway.pipe(client);
    client.on("data", async (bytes: Buffer) => {
      client.pause();
      for (let at = 0; at < bytes.length; at += 97) {
        gateway.write(bytes.subarray(at, at + 97));
        await Bun.sleep(1);
      }
      client.resume();
    });
    client.on("close", () => gateway.destroy());
  });
  await new Promise<void>((resolve) => relay.listen(port, "127.0.0.1", resolve));
  const socket = connect({ port, host: "127.0.0.1" });
  socket.on("close", () => relay.close());
  return socket;
}

test("a ClientHello in many pieces still chooses its certificate", async () => {
  const { client, commonName } = await connectTls(sluice.port, { socket: await dripping(), servername: "two.test" });
  expect(commonName).toBe("two.test");
  client.request({});
  expect((await client.read()).status).toBe(200);
  client.close();
});

test("handshakes that are broken off at any point leave nothing behind", async () => {
  await stillServes();
  const before = openSockets();
  for (let i = 0; i < 150; i++) {
    const raw = connect({ port: sluice.port, host: "127.0.0.1" });
    raw.on("error", () => undefined);
    void connectTls(sluice.port, { socket: raw }).catch(() => undefined);
    await Bun.sleep(i % 4);
    if (i % 2 === 0) raw.resetAndDestroy();
    else raw.destroy();
  }
  await eventually("all sockets closed", () => openSockets() <= before + 1);
  await stillServes();
});
