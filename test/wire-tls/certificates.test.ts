import { afterAll, beforeAll, expect, test } from "bun:test";
import { Authority, type Certificate } from "../kit/certificates.ts";
import { eventually } from "../kit/eventually.ts";
import { RawOrigin } from "../kit/raw-origin.ts";
import { type Config, Sluice } from "../kit/sluice.ts";
import { connectTls } from "../kit/tls-client.ts";

const authority = new Authority();
const fallback = authority.issue("fallback.test");
const exact = authority.issue("exact.test", { names: ["DNS:exact.test", "DNS:other.test"] });
const wild = authority.issue("wild", { names: ["DNS:*.wild.test"] });
const renewed = authority.issue("renewed.test", { names: ["DNS:fallback.test"] });

let origin: RawOrigin;
let sluice: Sluice;

function config(port: number, first: Certificate): Config {
  const tls = [first, exact, wild].map(({ certFile, keyFile }) => ({ cert: certFile, key: keyFile }));
  return {
    listeners: [{ name: "web", host: "127.0.0.1", port, edge: "wire", tls }],
    upstreams: [{ name: "origin", url: origin.url }],
    routes: [{ path: "/*", upstream: "origin" }],
  };
}

beforeAll(async () => {
  origin = await RawOrigin.start();
  sluice = await Sluice.start((port) => config(port, fallback));
});

afterAll(async () => {
  await sluice.stop();
  await origin.stop();
  authority[Symbol.dispose]();
});

async function shownTo(servername: string | undefined): Promise<string> {
  const { client, commonName } = await connectTls(sluice.port, servername === undefined ? {} : { servername });
  await using _closed = client;
  client.request({ target: "/" });
  expect((await client.read()).status).toBe(200);
  return commonName;
}

test("the name in the handshake chooses the certificate, and the first one answers for the others", async () => {
  expect(await shownTo("exact.test")).toBe("exact.test");
  expect(await shownTo("other.test")).toBe("exact.test");
  expect(await shownTo("EXACT.test")).toBe("exact.test");
  expect(await shownTo("a.wild.test")).toBe("wild");
  expect(await shownTo("a.b.wild.test")).toBe("fallback.test");
  expect(await shownTo("unknown.test")).toBe("fallback.test");
  expect(await shownTo(undefined)).toBe("fallback.test");
});

test("ALPN says http/1.1, and nothing older than TLS 1.2 is spoken", async () => {
  const modern = await connectTls(sluice.port, { ALPNProtocols: ["h2", "http/1.1"] });
  expect(modern.socket.alpnProtocol).toBe("http/1.1");
  expect(modern.socket.getProtocol()).toBe("TLSv1.3");
  modern.client.close();
  const older = await connectTls(sluice.port, { maxVersion: "TLSv1.2" });
  expect(older.socket.getProtocol()).toBe("TLSv1.2");
  older.client.close();
  await expect(connectTls(sluice.port, { minVersion: "TLSv1", maxVersion: "TLSv1.1" })).rejects.toThrow();
});

test("the origin hears that the client spoke https", async () => {
  const { client } = await connectTls(sluice.port);
  await using _closed = client;
  const before = origin.requests.length;
  client.request({ target: "/scheme" });
  await client.read();
  expect(origin.requests[before]!.header("x-forwarded-proto")).toBe("https");
});

test("a changed certificate is shown to new connections, and open ones live on", async () => {
  const old = await connectTls(sluice.port, { servername: "fallback.test" });
  await using _closed = old.client;
  expect(old.commonName).toBe("fallback.test");
  sluice.rewrite(config(sluice.port, renewed));
  await eventually("the renewed certificate", async () => (await shownTo("fallback.test")) === "renewed.test");
  old.client.request({ target: "/still" });
  expect((await old.client.read()).status).toBe(200);
});
