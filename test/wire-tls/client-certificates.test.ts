import { afterAll, beforeAll, expect, test } from "bun:test";
import { Authority, type Certificate } from "../kit/certificates.ts";
import { RawOrigin } from "../kit/raw-origin.ts";
import { Sluice } from "../kit/sluice.ts";
import { connectTls } from "../kit/tls-client.ts";

const authority = new Authority();
const stranger = new Authority("Somebody else");
const open = authority.issue("open.test");
const closed = authority.issue("closed.test");

let origin: RawOrigin;
let sluice: Sluice;

beforeAll(async () => {
  origin = await RawOrigin.start();
  const tls = [
    { cert: open.certFile, key: open.keyFile },
    { cert: closed.certFile, key: closed.keyFile, clientCa: authority.caFile },
  ];
  sluice = await Sluice.start((port) => ({
    listeners: [{ name: "web", host: "127.0.0.1", port, edge: "wire", tls }],
    upstreams: [{ name: "origin", url: origin.url }],
    routes: [{ path: "/*", upstream: "origin" }],
  }));
});

afterAll(async () => {
  await sluice.stop();
  await origin.stop();
  authority[Symbol.dispose]();
  stranger[Symbol.dispose]();
});

/** The reply's status, or "refused": TLS 1.3 tells the client only after its handshake. */
async function ask(servername: string, host: string, own: Certificate | null, maxVersion?: "TLSv1.2") {
  try {
    const version = maxVersion === undefined ? {} : { maxVersion };
    const pair = own === null ? {} : { cert: own.cert, key: own.key };
    const { client } = await connectTls(sluice.port, { servername, ...version, ...pair });
    await using _closed = client;
    client.request({ host });
    return (await client.read()).status;
  } catch {
    return "refused";
  }
}

for (const version of [undefined, "TLSv1.2"] as const) {
  test(`clientCa lets in only who it signed (${version ?? "TLSv1.3"})`, async () => {
    const before = origin.requests.length;
    expect(await ask("closed.test", "closed.test", null, version)).toBe("refused");
    expect(await ask("closed.test", "closed.test", stranger.issue("stranger"), version)).toBe("refused");
    expect(await ask("closed.test", "closed.test", authority.issue("late", { expired: true }), version)).toBe(
      "refused",
    );
    expect(origin.requests.length).toBe(before);
    expect(await ask("closed.test", "closed.test", authority.issue("friend"), version)).toBe(200);
    expect(await ask("open.test", "open.test", null, version)).toBe(200);
    expect(await ask("open.test", "open.test", stranger.issue("stranger"), version)).toBe(200);
  });
}

test("a handshake for an open name is no way to a host that wants client certificates", async () => {
  const before = origin.requests.length;
  expect(await ask("open.test", "closed.test", null)).toBe(421);
  expect(await ask("open.test", "CLOSED.test:443", null)).toBe(421);
  expect(origin.requests.length).toBe(before);
});
