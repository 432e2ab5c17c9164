import { afterAll, describe, expect, test } from "bun:test";
import { createServer } from "node:net";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createProbes } from "../../src/control/health/create-probe.ts";
import type { Probe, ProbeResult } from "../../src/control/health/check-spec.ts";
import { DialGuard } from "../../src/proxy/upstream/dial-guard.ts";
import { Authority } from "../kit/certificates.ts";
import { within } from "../kit/eventually.ts";
import { freePort } from "../kit/free-port.ts";
import { type Behaviour, RawOrigin } from "../kit/raw-origin.ts";
import { TlsOrigin } from "../kit/tls-origin.ts";
import { type CheckedParts, checkedUpstream, httpCheck, TCP_CHECK } from "./checked-upstreams.ts";

function probeOf(parts: CheckedParts, blocked: string[] = []): Probe {
  const checked = checkedUpstream(parts);
  return createProbes(new DialGuard(blocked, null, () => performance.now()))(checked, checked.upstream.endpoints[0]!);
}

function ask(parts: CheckedParts, blocked: string[] = [], signal = new AbortController().signal): Promise<ProbeResult> {
  return within("the end of a check", probeOf(parts, blocked)(signal));
}

async function askOrigin(behaviour: Behaviour, check: Parameters<typeof httpCheck>[0] = {}): Promise<ProbeResult> {
  await using origin = await RawOrigin.start(behaviour);
  return await ask({ ports: [origin.port], active: httpCheck(check) });
}

const folder = mkdtempSync(join(tmpdir(), "sluice-probes-"));
afterAll(() => rmSync(folder, { recursive: true }));

describe("an HTTP check", () => {
  test("sends its own path, method, host and headers, on a connection of its own each time", async () => {
    await using origin = await RawOrigin.start();
    const active = httpCheck({ path: "/health?deep=1", method: "HEAD", host: "api.test", headers: [["X-Token", "t"]] });
    const parts: CheckedParts = { ports: [origin.port], endpoint: { basePath: "/app" }, active };
    const probe = probeOf(parts);
    for (let i = 0; i < 2; i++)
      expect(await probe(new AbortController().signal)).toEqual({ ok: true, reason: "HTTP 200" });
    const request = origin.requests[0]!;
    expect([request.method, request.target]).toEqual(["HEAD", "/health?deep=1"]);
    expect([request.header("host"), request.header("x-token")]).toEqual(["api.test", "t"]);
    expect(request.header("user-agent")).toBe("sluice-health-check");
    expect(origin.connections.length).toBe(2);
  });

  test("may ask on another port than the traffic's", async () => {
    await using origin = await RawOrigin.start();
    const result = await ask({ ports: [await freePort()], active: httpCheck({ port: origin.port }) });
    expect(result.ok).toBe(true);
    expect(origin.only.header("host")).toBe(`127.0.0.1:${origin.port}`);
  });

  test("takes the statuses it was told to expect, and follows no redirect", async () => {
    const status =
      (code: number): Behaviour =>
      (request) =>
        request.reply({ status: code, fields: [["Location", "/x"]] });
    expect(await askOrigin(status(302))).toEqual({ ok: true, reason: "HTTP 302" });
    expect(await askOrigin(status(503))).toEqual({ ok: false, reason: "HTTP 503, expected 200-399" });
    const expected = httpCheck({
      expect: [
        [200, 200],
        [418, 418],
      ],
    });
    expect(await askOrigin(status(418), expected)).toEqual({ ok: true, reason: "HTTP 418" });
    expect(await askOrigin(status(204), expected)).toEqual({ ok: false, reason: "HTTP 204, expected 200, 418" });
  });

  test("looks for a text or an expression in the body", async () => {
    const says =
      (body: string): Behaviour =>
      (request) =>
        request.reply({ body });
    const contains = { body: { contains: '"up"' } };
    expect(await askOrigin(says('{"db":"up"}'), contains)).toEqual({
      ok: true,
      reason: 'HTTP 200, its body has "\\"up\\""',
    });
    expect((await askOrigin(says('{"db":"down"}'), contains)).reason).toContain("lacks");
    expect((await askOrigin(says("status=ok\n"), { body: { regex: "^status=(ok|warm)$" } })).ok).toBe(false);
    expect((await askOrigin(says("status=ok"), { body: { regex: "^status=(ok|warm)$" } })).ok).toBe(true);
    expect((await askOrigin(says(""), contains)).ok).toBe(false);
  });

  test("finds a text that comes in pieces of a body that never ends", async () => {
    const drip: Behaviour = async (request) => {
      request.head(200, [["Transfer-Encoding", "chunked"]]);
      for (const piece of ["al", "l i", "s w", "ell"]) {
        request.writeChunk(piece);
        await Bun.sleep(1);
      }
    };
    expect((await askOrigin(drip, { body: { contains: "is well" } })).ok).toBe(true);
  });

  test("reads no more of a body than 64 KiB", async () => {
    const long: Behaviour = (request) => request.reply({ body: `${"x".repeat(70_000)}needle` });
    expect((await askOrigin(long, { body: { contains: "needle" } })).ok).toBe(false);
    const endless: Behaviour = (request) => {
      request.head(200, [["Transfer-Encoding", "chunked"]]);
      for (let i = 0; i < 8; i++) request.writeChunk("y".repeat(16_384));
    };
    expect((await askOrigin(endless, { body: { regex: "z" } })).ok).toBe(false);
  });

  test("fails on who refuses, resets, hangs up, or speaks something else", async () => {
    expect(await ask({ ports: [await freePort()] })).toEqual({ ok: false, reason: "HTTP check: connection refused" });
    expect(await askOrigin((request) => request.reset())).toEqual({
      ok: false,
      reason: "HTTP check: connection closed before a reply",
    });
    expect(await askOrigin((request) => request.close())).toMatchObject({ ok: false });
    expect(await askOrigin((request) => request.write("220 mail.test ESMTP\r\n"))).toMatchObject({ ok: false });
  });

  test("ends when it is given up, whether nothing comes or drops of a head", async () => {
    for (const first of ["", "HTTP/1.1 200 OK\r\nX-Slow: "]) {
      await using origin = await RawOrigin.start(
        (request) => (request.write(first), request.aborted.then(() => undefined)),
      );
      const abort = new AbortController();
      const result = ask({ ports: [origin.port] }, [], abort.signal);
      const request = await origin.request();
      abort.abort();
      expect((await result).ok).toBe(false);
      // Its connection is not left behind.
      await request.aborted;
    }
  });

  test("goes to a unix socket", async () => {
    const path = join(folder, "http.sock");
    await using _server = Bun.serve({
      unix: path,
      fetch: (request: Request) => new Response(request.headers.get("host")),
    } as never);
    const active = httpCheck({ body: { contains: "localhost" }, port: 1 });
    expect((await ask({ endpoint: { host: path, port: 0 }, active })).ok).toBe(true);
    const gone = await ask({ endpoint: { host: join(folder, "none.sock"), port: 0 } });
    expect(gone.ok).toBe(false);
  });

  test("verifies https endpoints as traffic does", async () => {
    using authority = new Authority();
    const leaf = authority.issue("api.test");
    await using origin = await TlsOrigin.start({ cert: leaf.cert, key: leaf.key });
    const endpoint = { scheme: "https" as const };
    const parts = { ports: [origin.port], endpoint };
    const tls = { ca: authority.ca, serverName: "api.test" };
    expect(await ask({ ...parts, tls })).toEqual({ ok: true, reason: "HTTP 200" });
    expect(origin.seen[0]!.serverName).toBe("api.test");
    for (const wrong of [{}, { serverName: "api.test" }, { ca: authority.ca, serverName: "other.test" }])
      expect(await ask({ ...parts, tls: wrong })).toMatchObject({ ok: false });
    expect(await ask({ ...parts, tls: { insecure: true } })).toMatchObject({ ok: true });
  });

  test("never dials a blocked address", async () => {
    await using origin = await RawOrigin.start();
    const blocked = ["127.0.0.0/8", "::1/128"];
    expect(await ask({ ports: [origin.port] }, blocked)).toEqual({
      ok: false,
      reason: "127.0.0.1 is in security.blockedIPs",
    });
    expect((await ask({ ports: [origin.port], endpoint: { host: "localhost" } }, blocked)).ok).toBe(false);
    expect((await ask({ ports: [origin.port], active: TCP_CHECK }, blocked)).ok).toBe(false);
    expect(origin.connections.length).toBe(0);
  });
});

test("a path cannot lead a check to another host", async () => {
  await using elsewhere = await RawOrigin.start();
  const result = await ask({ ports: [80], active: httpCheck({ path: `@127.0.0.1:${elsewhere.port}/` }) });
  expect(result.ok).toBe(false);
  expect(elsewhere.connections.length).toBe(0);
});

describe("a TCP check", () => {
  test("is content with a connection", async () => {
    const server = createServer((socket) => socket.on("error", () => undefined));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    expect(await ask({ ports: [port], active: TCP_CHECK })).toEqual({ ok: true, reason: "connected" });
    server.close();
  });

  test("goes to a unix socket", async () => {
    const path = join(folder, "tcp.sock");
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(path, resolve));
    expect((await ask({ endpoint: { host: path, port: 0 }, active: TCP_CHECK })).ok).toBe(true);
    server.close();
  });

  test("fails where nobody listens", async () => {
    expect(await ask({ ports: [await freePort()], active: TCP_CHECK })).toEqual({
      ok: false,
      reason: "TCP check: connection refused",
    });
  });
});
