import { afterAll, beforeAll, expect, test } from "bun:test";
import { Authority } from "../kit/certificates.ts";
import { RawClient } from "../kit/raw-client.ts";
import { RawOrigin } from "../kit/raw-origin.ts";
import { Sluice } from "../kit/sluice.ts";
import { connectTls } from "../kit/tls-client.ts";

const authority = new Authority();
const { certFile: cert, keyFile: key } = authority.issue("a.test");

let origin: RawOrigin;

beforeAll(async () => {
  origin = await RawOrigin.start();
});

afterAll(async () => {
  await origin.stop();
  authority[Symbol.dispose]();
});

function start(more: Record<string, unknown> = {}): Promise<Sluice> {
  return Sluice.start((port) => ({
    listeners: [{ name: "web", host: "127.0.0.1", port, edge: "wire", tls: { cert, key } }],
    upstreams: [{ name: "origin", url: origin.url }],
    routes: [{ path: "/*", upstream: "origin" }],
    ...more,
  }));
}

test("connections beyond the limit are dropped before the handshake, and there is room again afterwards", async () => {
  await using sluice = await start({ limits: { maxConnections: 2 } });
  const first = await connectTls(sluice.port);
  const silent = await RawClient.connect(sluice.port);
  await Bun.sleep(30);
  await expect(connectTls(sluice.port)).rejects.toThrow();
  first.client.request({});
  expect((await first.client.read()).status).toBe(200);
  silent.close();
  await Bun.sleep(30);
  const again = await connectTls(sluice.port);
  again.client.close();
  first.client.close();
});

test("a handshake under way does not hold up the end of the process", async () => {
  await using sluice = await start({ timeouts: { head: "60s" } });
  const silent = await RawClient.connect(sluice.port);
  const halfway = await RawClient.connect(sluice.port);
  halfway.send(Buffer.from("160301020001000100", "hex"));
  const { client, socket } = await connectTls(sluice.port);
  expect(socket.authorized).toBe(false);
  await Bun.sleep(30);
  sluice.signal("SIGTERM");
  expect(await sluice.process.exited()).toBe(0);
  for (const each of [silent, halfway, client]) each.close();
});
