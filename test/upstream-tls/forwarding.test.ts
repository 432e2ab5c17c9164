import { afterAll, beforeAll, expect, test } from "bun:test";
import { Authority } from "../kit/certificates.ts";
import { ask, type FullReply } from "../kit/raw-client.ts";
import { Sluice } from "../kit/sluice.ts";
import { TlsOrigin } from "../kit/tls-origin.ts";

const authority = new Authority();
const server = authority.issue("up.test", { names: ["DNS:up.test", "IP:127.0.0.1"] });
const own = authority.issue("sluice");

let origin: TlsOrigin;
let guarded: TlsOrigin;
let sluice: Sluice;

beforeAll(async () => {
  origin = await TlsOrigin.start(server);
  guarded = await TlsOrigin.start({ ...server, ca: authority.ca, requestCert: true, rejectUnauthorized: true });
  const ca = authority.caFile;
  const pair = { cert: own.certFile, key: own.keyFile };
  const upstreams = [
    { name: "untrusted", url: `https://127.0.0.1:${origin.port}` },
    { name: "trusted", url: `https://127.0.0.1:${origin.port}`, tls: { ca } },
    { name: "named", url: `https://127.0.0.1:${origin.port}`, tls: { ca, serverName: "up.test" } },
    { name: "misnamed", url: `https://127.0.0.1:${origin.port}`, tls: { ca, serverName: "other.test" } },
    { name: "insecure", url: `https://127.0.0.1:${origin.port}`, tls: { insecure: true } },
    { name: "mutual", url: `https://127.0.0.1:${guarded.port}`, tls: { ca, ...pair } },
    { name: "certless", url: `https://127.0.0.1:${guarded.port}`, tls: { ca } },
  ];
  sluice = await Sluice.start((port) => ({
    listeners: [{ name: "web", host: "127.0.0.1", port, edge: "wire" }],
    upstreams,
    routes: upstreams.map(({ name }) => ({ path: `/${name}`, upstream: name })),
  }));
});

afterAll(async () => {
  await sluice.stop();
  await origin[Symbol.asyncDispose]();
  await guarded[Symbol.asyncDispose]();
  authority[Symbol.dispose]();
});

function through(upstream: string): Promise<FullReply> {
  return ask(sluice.port, { target: `/${upstream}` });
}

for (const upstream of ["trusted", "named", "insecure", "mutual"]) {
  test(`a ${upstream} upstream is spoken to, and its connection used again`, async () => {
    expect((await through(upstream)).text).toBe("hello");
    const seen = origin.seen.length + guarded.seen.length;
    expect((await through(upstream)).text).toBe("hello");
    expect(origin.seen.length + guarded.seen.length).toBe(seen);
  });
}

for (const upstream of ["untrusted", "misnamed", "certless"]) {
  test(`nothing is sent to a ${upstream} upstream`, async () => {
    const before = origin.requests + guarded.requests;
    const reply = await through(upstream);
    expect(reply.status).toBe(502);
    expect(reply.text).not.toContain("hello");
    expect(origin.requests + guarded.requests).toBe(before);
  });
}

test("a client certificate belongs to its upstream: another one with the same address does not show it", async () => {
  await through("mutual");
  expect((await through("certless")).status).toBe(502);
});
