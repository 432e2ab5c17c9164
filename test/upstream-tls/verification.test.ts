import { afterAll, beforeAll, expect, test } from "bun:test";
import { Authority } from "../kit/certificates.ts";
import { TlsOrigin } from "../kit/tls-origin.ts";
import { dialled } from "./dialling.ts";

const authority = new Authority();
const { ca } = authority;
const good = authority.issue("up.test", { names: ["DNS:up.test", "DNS:*.wild.test", "IP:127.0.0.1"] });
const late = authority.issue("up.test", { expired: true });

let origin: TlsOrigin;
let expired: TlsOrigin;
let guarded: TlsOrigin;

beforeAll(async () => {
  origin = await TlsOrigin.start(good);
  expired = await TlsOrigin.start(late);
  guarded = await TlsOrigin.start({ ...good, ca, requestCert: true, rejectUnauthorized: true });
});

afterAll(async () => {
  for (const each of [origin, expired, guarded]) await each[Symbol.asyncDispose]();
  authority[Symbol.dispose]();
});

async function refusal(port: number, parts: Parameters<typeof dialled>[1]): Promise<string> {
  const { socket, error } = await dialled(port, parts);
  expect(socket).toBeNull();
  expect(error!.kind).toBe("upstream_connect_failed");
  expect(error!.retry).toBe("never");
  return error!.detail;
}

test("a certificate of an authority nobody named is refused", async () => {
  expect(await refusal(origin.port, {})).toContain("not trusted: unable to verify the first certificate");
});

test("an expired certificate is refused", async () => {
  expect(await refusal(expired.port, { tls: { ca } })).toContain("not trusted: certificate has expired");
});

test("a certificate for somebody else is refused", async () => {
  const detail = await refusal(origin.port, { tls: { ca }, endpoint: { host: "other.test" } });
  expect(detail).toMatch(/not trusted: .*other\.test/);
  await refusal(origin.port, { tls: { ca, serverName: "other.test" } });
  await refusal(origin.port, { tls: { ca }, endpoint: { host: "a.b.wild.test" } });
  await refusal(origin.port, { tls: { ca }, endpoint: { host: "127.0.0.2" }, addresses: ["127.0.0.1"] });
});

test("a verification failure is not tried at the next address", async () => {
  const before = origin.seen.length;
  await refusal(origin.port, { addresses: ["127.0.0.1", "127.0.0.1", "127.0.0.1"] });
  await Bun.sleep(20);
  expect(origin.seen.length - before).toBeLessThanOrEqual(1);
});

test("the named authority's certificate is taken, for the name, a wildcard, an address or the configured name", async () => {
  for (const host of ["up.test", "a.wild.test", "127.0.0.1"]) {
    expect((await dialled(origin.port, { tls: { ca }, endpoint: { host } })).error).toBeNull();
  }
  expect(
    (await dialled(origin.port, { tls: { ca, serverName: "up.test" }, endpoint: { host: "x" } })).error,
  ).toBeNull();
});

test("the upstream hears the name and http/1.1; an address is no name", async () => {
  await Bun.sleep(20);
  origin.seen.length = 0;
  await dialled(origin.port, { tls: { ca } });
  await dialled(origin.port, { tls: { ca, serverName: "a.wild.test" } });
  await dialled(origin.port, { tls: { ca }, endpoint: { host: "127.0.0.1" } });
  await Bun.sleep(20);
  expect(origin.seen.map(({ serverName }) => serverName || null)).toEqual(["up.test", "a.wild.test", null]);
  expect(origin.seen.every(({ alpn }) => alpn === "http/1.1")).toBe(true);
});

test("insecure takes any certificate, and still no connection that is not TLS", async () => {
  const tls = { insecure: true };
  expect((await dialled(origin.port, { tls })).error).toBeNull();
  expect((await dialled(expired.port, { tls, endpoint: { host: "other.test" } })).error).toBeNull();
  const plain = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: { data: (socket) => void socket.write("HTTP/1.1 400 Bad Request\r\n\r\n") },
  });
  const { error } = await dialled(plain.port, { tls });
  expect(error?.detail).toMatch(/TLS handshake: .*WRONG_VERSION_NUMBER/);
  plain.stop(true);
});

test("the client certificate is shown to an upstream that asks for one", async () => {
  const { cert, key } = authority.issue("sluice");
  expect((await dialled(guarded.port, { tls: { ca, cert, key } })).error).toBeNull();
  await Bun.sleep(20);
  expect(guarded.seen.at(-1)?.commonName).toBe("sluice");
});

test("a key that is none fails the attempt, not the process", async () => {
  expect(await refusal(origin.port, { tls: { ca, cert: "nonsense", key: "nonsense" } })).toContain("PEM");
});
