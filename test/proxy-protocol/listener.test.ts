import { afterAll, beforeAll, expect, test } from "bun:test";
import { connect } from "node:net";
import { Authority } from "../kit/certificates.ts";
import { freePort } from "../kit/free-port.ts";
import { RawClient } from "../kit/raw-client.ts";
import { type OriginRequest, RawOrigin } from "../kit/raw-origin.ts";
import { Sluice } from "../kit/sluice.ts";
import { connectTls } from "../kit/tls-client.ts";
import { addressBlock, version1, version2 } from "./headers.ts";

const authority = new Authority();
const certificate = authority.issue("a.test");

let origin: RawOrigin;
let sluice: Sluice;
let tlsPort: number;

beforeAll(async () => {
  origin = await RawOrigin.start();
  tlsPort = await freePort();
  const tls = { cert: certificate.certFile, key: certificate.keyFile };
  const both = { host: "127.0.0.1", edge: "wire", proxyProtocol: true };
  sluice = await Sluice.start((port) => ({
    listeners: [
      { name: "plain", port, ...both },
      { name: "tls", port: tlsPort, tls, ...both },
    ],
    timeouts: { head: "1s" },
    trustedProxies: ["10.0.0.0/8"],
    upstreams: [{ name: "origin", url: origin.url }],
    routes: [{ path: "/*", upstream: "origin" }],
  }));
});

afterAll(async () => {
  await sluice.stop();
  await origin.stop();
  authority[Symbol.dispose]();
});

async function originSees(header: Buffer, forwardedFor?: string): Promise<OriginRequest> {
  await using client = await RawClient.connect(sluice.port);
  const at = origin.requests.length;
  client.send(header);
  client.request({ fields: forwardedFor === undefined ? [] : [["X-Forwarded-For", forwardedFor]] });
  expect((await client.read()).status).toBe(200);
  return origin.requests[at]!;
}

test("the client's address is the one in the header", async () => {
  const v2 = version2({ family: 2, addresses: addressBlock("2001:db8:0:0:0:0:0:7", 1000) });
  expect((await originSees(version1("192.0.2.9", 4711))).header("x-forwarded-for")).toBe("192.0.2.9");
  expect((await originSees(v2)).header("x-forwarded-for")).toBe("2001:db8::7");
  expect((await originSees(version2({ command: 0, family: 0 }))).header("x-forwarded-for")).toBe("127.0.0.1");
});

test("trust is a matter of the address in the header, not of who sent it", async () => {
  const stranger = await originSees(version1("192.0.2.9", 1), "203.0.113.5");
  expect(stranger.header("x-forwarded-for")).not.toContain("203.0.113.5");
  const proxy = await originSees(version1("10.1.2.3", 1), "203.0.113.5");
  expect(proxy.header("x-forwarded-for")).toBe("203.0.113.5, 10.1.2.3");
});

test("a header in pieces, and one that comes together with the request, are read alike", async () => {
  const header = version2({ addresses: addressBlock("192.0.2.44", 5) });
  await using client = await RawClient.connect(sluice.port);
  for (const octet of header) {
    client.send(Buffer.from([octet]));
    await Bun.sleep(1);
  }
  const at = origin.requests.length;
  client.request({ target: "/1" });
  await client.read();
  client.request({ target: "/2" });
  await client.read();
  expect(origin.requests[at]!.header("x-forwarded-for")).toBe("192.0.2.44");
  expect(origin.requests[at + 1]!.header("x-forwarded-for")).toBe("192.0.2.44");
});

test("a connection without the header is closed and nothing of it reaches the origin", async () => {
  const before = origin.requests.length;
  for (const port of [sluice.port, tlsPort]) {
    for (const bytes of [
      "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
      "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
      "\x16\x03\x01",
    ]) {
      await using client = await RawClient.connect(port);
      client.send(bytes);
      await client.ended;
      expect(client.stream.received.length).toBe(0);
    }
  }
  expect(origin.requests.length).toBe(before);
});

test("a header that does not end is cut off by the clock", async () => {
  await using client = await RawClient.connect(sluice.port);
  client.send("PROXY TCP4 ");
  await client.ended;
});

test("TLS begins right behind the header", async () => {
  for (const pause of [0, 30]) {
    const socket = connect({ port: tlsPort, host: "127.0.0.1" });
    socket.write(version1("192.0.2.77", 5));
    await Bun.sleep(pause);
    const { client } = await connectTls(tlsPort, { socket });
    await using _closed = client;
    const at = origin.requests.length;
    client.request({});
    expect((await client.read()).status).toBe(200);
    expect(origin.requests[at]!.header("x-forwarded-for")).toBe("192.0.2.77");
    expect(origin.requests[at]!.header("x-forwarded-proto")).toBe("https");
  }
});
