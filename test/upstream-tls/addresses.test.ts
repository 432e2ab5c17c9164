import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Authority } from "../kit/certificates.ts";
import { eventually } from "../kit/eventually.ts";
import { freePort } from "../kit/free-port.ts";
import { TlsOrigin } from "../kit/tls-origin.ts";
import { dialled } from "./dialling.ts";

const authority = new Authority();
const { ca } = authority;
const good = authority.issue("up.test");
const directory = mkdtempSync(join(tmpdir(), "sluice-unix-"));

let origin: TlsOrigin;

beforeAll(async () => {
  origin = await TlsOrigin.start(good);
});

afterAll(async () => {
  await origin[Symbol.asyncDispose]();
  authority[Symbol.dispose]();
  rmSync(directory, { recursive: true, force: true });
});

/** Accepts and then says nothing; `open` counts who is still connected. */
async function silence(host: string, port: number): Promise<{ server: Server; open: () => number }> {
  let open = 0;
  const server = createServer((socket) => {
    open++;
    socket.on("error", () => undefined);
    socket.on("close", () => open--);
    socket.resume();
  });
  await new Promise<void>((resolve) => server.listen(port, host, resolve));
  return { server, open: () => open };
}

test("an address that refuses is passed over for the next", async () => {
  // The origin listens on 127.0.0.1 alone.
  const { error } = await dialled(origin.port, { tls: { ca }, addresses: ["127.0.0.9", "127.0.0.8", "127.0.0.1"] });
  expect(error).toBeNull();
});

test("an address that accepts and says nothing leaves time for the next", async () => {
  const { server } = await silence("127.0.0.7", origin.port);
  const addresses = ["127.0.0.7", "127.0.0.1"];
  const { error, tookMs } = await dialled(origin.port, { tls: { ca }, addresses, connectMs: 600 });
  expect(error).toBeNull();
  expect(tookMs).toBeGreaterThan(250);
  expect(tookMs).toBeLessThan(600);
  server.close();
});

test("a handshake ends with connectMs, and its socket too", async () => {
  const { server, open } = await silence("127.0.0.1", 0);
  const { port } = server.address() as { port: number };
  const { error, tookMs } = await dialled(port, { tls: { ca }, connectMs: 300 });
  expect(error).toMatchObject({ kind: "upstream_connect_timeout", retry: "safe" });
  expect(tookMs).toBeGreaterThan(250);
  expect(tookMs).toBeLessThan(1500);
  await eventually("the socket's end", () => open() === 0);
  server.close();
});

test("when nobody answers, the error says which endpoint, and may be retried", async () => {
  const { error } = await dialled(await freePort(), { tls: { ca }, addresses: ["127.0.0.1", "127.0.0.2"] });
  expect(error).toMatchObject({ kind: "upstream_connect_failed", retry: "safe" });
  expect(error!.detail).toContain("https://up.test:");
  expect((await dialled(1, { addresses: [] })).error?.detail).toContain("no address");
});

test("an upstream that hangs up in the handshake may be tried again", async () => {
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { error } = await dialled((server.address() as { port: number }).port, { tls: { ca } });
  expect(error).toMatchObject({ kind: "upstream_connect_failed", retry: "safe" });
  server.close();
});

test("unix sockets, in cleartext and with TLS", async () => {
  const plainPath = join(directory, "plain.sock");
  const plain = createServer();
  await new Promise<void>((resolve) => plain.listen(plainPath, resolve));
  const http = { scheme: "http" as const, host: plainPath, port: 0 };
  expect((await dialled(0, { endpoint: http, addresses: [plainPath] })).error).toBeNull();
  plain.close();
  const tlsPath = join(directory, "tls.sock");
  await using _secure = await TlsOrigin.start(good, tlsPath);
  const https = { host: tlsPath, port: 0 };
  const named = await dialled(0, { endpoint: https, addresses: [tlsPath], tls: { ca, serverName: "up.test" } });
  expect(named.error).toBeNull();
  expect((await dialled(0, { endpoint: https, addresses: [tlsPath], tls: { ca } })).error?.retry).toBe("never");
  const gone = join(directory, "gone.sock");
  expect((await dialled(0, { endpoint: { ...http, host: gone }, addresses: [gone] })).error?.retry).toBe("safe");
});
