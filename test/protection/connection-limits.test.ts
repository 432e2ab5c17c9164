import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { connect } from "node:net";
import { AddressCounts } from "../../src/proxy/listener/address-counts.ts";
import { Authority } from "../kit/certificates.ts";
import { eventually, Gate } from "../kit/eventually.ts";
import { ask, RawClient } from "../kit/raw-client.ts";
import { RawOrigin } from "../kit/raw-origin.ts";
import { type Config, Sluice } from "../kit/sluice.ts";
import { connectTls } from "../kit/tls-client.ts";

let origin: RawOrigin;
let gate = new Gate();

beforeAll(async () => {
  origin = await RawOrigin.start();
});

afterAll(() => origin.stop());

/** Requests for `/held` wait at the origin until `gate` opens. */
function holding(): void {
  gate = new Gate();
  origin.restart(async (request) => {
    if (request.target === "/held") await gate.opened;
    request.reply();
  });
}

function config(listener: object, more: Config = {}): (port: number) => Config {
  return (port) => ({
    listeners: [{ name: "web", host: "127.0.0.1", port, ...listener }],
    upstreams: [{ name: "origin", url: origin.url }],
    routes: [{ path: "/*", upstream: "origin" }],
    limits: { maxConnectionsPerIp: 2 },
    ...more,
  });
}

/** Connections with a request each that waits at the origin. The places of earlier ones may take a moment to become free. */
async function hold(port: number, count = 1): Promise<RawClient[]> {
  const held: RawClient[] = [];
  while (held.length < count) {
    const before = origin.requests.length;
    const client = await RawClient.connect(port);
    client.request({ target: "/held" });
    const isAnswered = () => client.stream.received.length > 0;
    await eventually("the request at the origin, or a refusal", () => origin.requests.length > before || isAnswered());
    if (isAnswered()) client.close();
    else held.push(client);
  }
  return held;
}

function from(localAddress: string, port: number): RawClient {
  const client = RawClient.over(connect({ port, host: "127.0.0.1", localAddress }), port);
  client.request({});
  return client;
}

describe.each(["wire", "serve"])("limits.maxConnectionsPerIp on edge %s", (edge) => {
  let sluice: Sluice;

  beforeAll(async () => {
    sluice = await Sluice.start(config({ edge }));
  });

  afterAll(() => sluice.stop());

  const reload = async (more: Config): Promise<void> => {
    const before = sluice.timesLogged("configuration reloaded");
    sluice.rewrite(config({ edge }, more)(sluice.port));
    await eventually("the reload", () => sluice.timesLogged("configuration reloaded") > before);
  };
  const room = () => eventually("room again", async () => (await ask(sluice.port)).status === 200);

  test("refuses one connection more with 503 overloaded and ends it, and bothers nobody else", async () => {
    holding();
    const held = await hold(sluice.port, 2);
    await using third = await RawClient.connect(sluice.port);
    third.request({});
    const refusal = await third.read();
    expect([refusal.status, refusal.json()["code"]]).toEqual([503, "overloaded"]);
    expect(refusal.header("retry-after")).not.toBeNull();
    await third.ended;
    await using other = from("127.0.0.2", sluice.port);
    expect((await other.read()).status).toBe(200);
    gate.open();
    for (const client of held) {
      expect((await client.read()).status).toBe(200);
      client.close();
    }
    await room();
  });

  test("gives back the places of clients that vanish", async () => {
    for (let round = 0; round < 3; round++) {
      holding();
      const held = await hold(sluice.port, 2);
      for (const client of held) client.reset();
      await room();
      gate.open();
    }
  });

  test(
    edge === "wire"
      ? "counts idle connections, too"
      : "does not count idle connections: Bun shows nothing of them (docs/edges.md)",
    async () => {
      holding();
      const idle = [await RawClient.connect(sluice.port), await RawClient.connect(sluice.port)];
      // Accepted in the order in which they came.
      expect((await ask(sluice.port)).status).toBe(edge === "wire" ? 503 : 200);
      for (const client of idle) client.close();
      await room();
    },
  );

  test("holds as a reload says, for connections that were there before, too", async () => {
    holding();
    await reload({ limits: {} });
    const before = await hold(sluice.port, 4);
    await reload({ limits: { maxConnectionsPerIp: 1 } });
    gate.open();
    for (const client of before) {
      expect((await client.read()).status).toBe(200);
      client.close();
    }
    await room();
    holding();
    const [now] = await hold(sluice.port);
    expect((await ask(sluice.port)).status).toBe(503);
    gate.open();
    expect((await now!.read()).status).toBe(200);
    now!.close();
  });

  test("does not count a trusted proxy, which brings many clients", async () => {
    holding();
    await reload({ trustedProxies: ["127.0.0.1"] });
    const held = await hold(sluice.port, 5);
    expect((await ask(sluice.port)).status).toBe(200);
    gate.open();
    for (const client of held) client.close();
  });
});

test("a TLS handshake beyond the limit is not begun", async () => {
  holding();
  using authority = new Authority();
  const { certFile: cert, keyFile: key } = authority.issue("a.test");
  await using sluice = await Sluice.start(config({ edge: "wire", tls: { cert, key } }));
  const held = [await connectTls(sluice.port), await connectTls(sluice.port)];
  await expect(connectTls(sluice.port)).rejects.toThrow();
  for (const { client } of held) client.close();
  const again = await eventually("room again", () => connectTls(sluice.port).catch(() => null));
  again.client.close();
});

test("behind the PROXY protocol it is the client that counts, not the balancer", async () => {
  holding();
  await using sluice = await Sluice.start(config({ edge: "wire", proxyProtocol: true }));
  const as = async (address: string): Promise<RawClient> => {
    const client = await RawClient.connect(sluice.port);
    client.send(`PROXY TCP4 ${address} 10.0.0.1 4000 80\r\n`);
    client.request({});
    return client;
  };
  const clients = [];
  for (const address of ["192.0.2.1", "192.0.2.1", "192.0.2.2"]) {
    const client = await as(address);
    expect((await client.read()).status).toBe(200);
    clients.push(client);
  }
  const refused = await as("192.0.2.1");
  expect((await refused.read()).status).toBe(503);
  for (const client of [...clients, refused]) client.close();
});

test("an IPv6 client is a network of 64 bits: another address of it is no other client", () => {
  const counts = new AddressCounts(() => 2);
  const peer = (address: string) => ({ address, port: 1, trusted: false });
  expect(counts.enter(peer("2001:db8::1"))).toBeNull();
  expect(counts.enter(peer("2001:db8::2"))).toBeNull();
  expect(counts.enter(peer("2001:db8::3"))?.kind).toBe("overloaded");
  expect(counts.enter(peer("2001:db8:0:1::1"))).toBeNull();
  counts.leave(peer("2001:db8::3"));
  counts.leave(peer("2001:db8::1"));
  expect(counts.enter(peer("2001:db8::4"))).toBeNull();
});
