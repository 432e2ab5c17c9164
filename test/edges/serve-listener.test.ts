import { afterAll, afterEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BytesBody } from "../../src/model/body.ts";
import { HeaderMap } from "../../src/model/header-map.ts";
import type { ListenerSpec, UpstreamSpec } from "../../src/model/snapshot-spec.ts";
import {
  type Edge,
  eventually,
  exchangeOnce,
  GET,
  listenerSpec,
  openEdge,
  rawClient,
  rawOrigin,
  upstreamSpec,
} from "./edge-kit.ts";

const OK = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello";
const open: { close(): void }[] = [];
const folder = mkdtempSync(join(tmpdir(), "sluice-edges-"));
const here = identity("localhost");
const other = identity("other.test");

afterEach(() => {
  for (const one of open.splice(0)) one.close();
});
afterAll(() => rmSync(folder, { recursive: true }));

function identity(name: string): { cert: string; key: string } {
  const [key, cert] = [join(folder, `${name}.key`), join(folder, `${name}.crt`)];
  const options = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2";
  const subject = ["-subj", `/CN=${name}`, "-addext", `subjectAltName=DNS:${name}`];
  const made = Bun.spawnSync([
    "openssl",
    "req",
    "-x509",
    ...options.split(" "),
    "-keyout",
    key,
    "-out",
    cert,
    ...subject,
  ]);
  if (made.exitCode !== 0) throw new Error(made.stderr.toString());
  const read = (file: string): string => new TextDecoder().decode(Bun.spawnSync(["cat", file]).stdout);
  return { cert: read(cert), key: read(key) };
}

function tls(of: { cert: string; key: string }, serverNames: string[] = []): ListenerSpec["tls"][number] {
  return { ...of, serverNames, clientCa: null };
}

async function edgeWith(listener: Partial<ListenerSpec>, answer: Parameters<typeof rawOrigin>[0] = OK): Promise<Edge> {
  const origin = await rawOrigin(answer);
  const edge = openEdge(origin.port, listener);
  open.push(edge, origin);
  return edge;
}

test("the health path is answered here, and 503 while leaving", async () => {
  const edge = await edgeWith({ healthPath: "/healthz" });
  const request = "GET /healthz HTTP/1.1\r\nHost: any\r\n\r\n";
  expect(await exchangeOnce(edge.port, request)).toStartWith("HTTP/1.1 200");
  edge.door.ready = false;
  expect(await exchangeOnce(edge.port, request)).toStartWith("HTTP/1.1 503");
});

test("redirectToHttps answers 308 with the same target", async () => {
  const edge = await edgeWith({ redirectToHttps: true });
  const reply = await exchangeOnce(edge.port, "GET /a?b=c HTTP/1.1\r\nHost: shop.test:8080\r\n\r\n");
  expect(reply).toStartWith("HTTP/1.1 308");
  expect(reply).toContain("https://shop.test/a?b=c");
});

for (const [what, head] of [
  ["an empty Host", "GET /x HTTP/1.1\r\nHost: \r\n\r\n"],
  ["user information in Host", "GET /x HTTP/1.1\r\nHost: u@h\r\n\r\n"],
  ["a path in Host", "GET /x HTTP/1.1\r\nHost: h/zzz\r\n\r\n"],
  ["two Host fields", "GET /x HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"],
  ["a port that is none", "GET /x HTTP/1.1\r\nHost: h:99999\r\n\r\n"],
  ["HTTP/1.0 without Host", "GET /x HTTP/1.0\r\n\r\n"],
  ["a fragment in the target", "GET /x#y HTTP/1.1\r\nHost: h\r\n\r\n"],
  ["two Content-Length fields", "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc"],
  ["a GET with a body", "GET /x HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"],
] as const) {
  test(`${what} is refused with 400`, async () => {
    const edge = await edgeWith({});
    const reply = await exchangeOnce(edge.port, head);
    expect(reply).toStartWith("HTTP/1.1 400");
    expect(reply).toContain('"code":"bad_request"');
    expect(edge.door.ended_.length).toBe(0);
  });
}

test("the host is lower case without port and final dot, the authority is as received", async () => {
  const edge = await edgeWith({});
  await exchangeOnce(edge.port, "GET / HTTP/1.1\r\nHost: Shop.Test.:8080\r\n\r\n");
  const { host, received, peer } = edge.door.ended_[0]!.exchange;
  expect([host, received.authority, peer.address]).toEqual(["shop.test", "Shop.Test.:8080", "127.0.0.1"]);
});

test("TLS identities are chosen by server name and replaced without losing the port", async () => {
  const edge = await edgeWith({ tls: [tls(here), tls(other, ["other.test"])] });
  const ask = (serverName: string, ca: string): Promise<string> =>
    fetch(`https://127.0.0.1:${edge.port}/`, { tls: { ca, serverName }, keepalive: false }).then((r) => r.text());
  expect(await ask("localhost", here.cert)).toBe("hello");
  expect(await ask("other.test", other.cert)).toBe("hello");
  const renewed = identity("localhost");
  const port = edge.listener.port;
  edge.listener.update(listenerSpec({ tls: [tls(renewed)] }));
  expect(edge.listener.port).toBe(port);
  expect(await ask("localhost", renewed.cert)).toBe("hello");
});

test("a client without a certificate of clientCa is turned away", async () => {
  const edge = await edgeWith({ tls: [{ ...tls(here), clientCa: other.cert }] });
  const ask = (client: object): Promise<string> =>
    fetch(`https://127.0.0.1:${edge.port}/`, {
      tls: { ca: here.cert, serverName: "localhost", ...client },
      keepalive: false,
    }).then((r) => r.text());
  expect(await ask({ cert: other.cert, key: other.key })).toBe("hello");
  expect(ask({})).rejects.toThrow();
});

test("HTTP/2 goes in and out", async () => {
  const spec: Partial<UpstreamSpec> = {
    protocol: "http2",
    tls: { ca: here.cert, cert: null, key: null, serverName: "localhost", insecure: false },
  };
  const origin = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    tls: here,
    http2: true,
    fetch: async (request) => new Response(`${request.method} ${await request.text()}`),
  } as Bun.Serve.Options<undefined>);
  const edge = openEdge(upstreamSpec(origin.port!, spec, "https"), { tls: [tls(here)], http2: true });
  open.push(edge, { close: () => void origin.stop(true) });
  const reply = await fetch(`https://127.0.0.1:${edge.port}/`, {
    method: "POST",
    body: "over two",
    protocol: "http2",
    tls: { ca: here.cert, serverName: "localhost" },
  } as BunFetchRequestInit);
  expect([reply.status, await reply.text()]).toEqual([200, "POST over two"]);
});

test("a port in use is said so", async () => {
  const taken = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  try {
    expect(() => openEdge(null, { port: taken.port })).toThrow(expect.objectContaining({ code: "EADDRINUSE" }));
  } finally {
    taken.stop(true);
  }
});

test("proxyProtocol is refused on this edge", () => {
  expect(() => openEdge(null, { proxyProtocol: true })).toThrow("edge: wire");
});

test("drain lets what runs finish, closes idle connections and accepts nothing new", async () => {
  const edge = await edgeWith({}, (socket) => setTimeout(() => socket.write(OK), 100));
  const idle = rawClient(edge.port, GET);
  await idle.until((text) => text.endsWith("hello"));
  const busy = rawClient(edge.port, GET);
  await Bun.sleep(20);
  const draining = edge.listener.drain(0);
  await idle.until((_, ending) => ending !== "");
  await draining;
  await busy.until((text) => text.endsWith("hello"));
  const late = rawClient(edge.port, GET);
  await late.until((_, ending) => ending === "ECONNREFUSED");
});

test("an idle keep-alive connection closes after timeouts.keepAlive, a slow reply and a quiet stream do not", async () => {
  const quiet = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n";
  const edge = await edgeWith({}, (socket, text) => {
    if (text.includes("/slow")) setTimeout(() => socket.write(OK), 3500);
    else socket.write(text.includes("/quiet") ? quiet : OK);
  });
  edge.door.timeouts = { ...edge.door.timeouts, keepAliveMs: 1000 };
  const [idle, slow, stream] = ["/", "/slow", "/quiet"].map((path) => rawClient(edge.port, GET.replace("/", path)));
  await slow!.until((text) => text.endsWith("hello"), 8000);
  await idle!.until((_, ending) => ending !== "", 8000);
  expect(stream!.ending).toBe("");
  stream!.socket.destroy();
}, 15_000);

test("a slow reader holds back a large reply instead of filling our memory", async () => {
  const block = Buffer.alloc(64 * 1024);
  let sent = 0;
  const edge = await edgeWith({}, (socket) => {
    socket.write("HTTP/1.1 200 OK\r\nContent-Length: 400000000\r\n\r\n");
    const push = (): void => {
      while (sent < 400_000_000 && socket.write(block)) sent += block.length;
    };
    socket.on("drain", push);
    push();
  });
  const client = rawClient(edge.port, "");
  client.socket.pause();
  client.socket.write(GET);
  await Bun.sleep(500);
  expect(sent).toBeGreaterThan(100_000);
  expect(sent).toBeLessThan(30_000_000);
  client.socket.destroy();
  await eventually(() => edge.door.ended_.length === 1);
  expect(edge.door.ended_[0]!.error?.kind).toBe("client_closed");
});

test("a slow origin holds back a large upload, and one that stops taking it times out", async () => {
  const edge = await edgeWith({}, (socket) => socket.pause());
  edge.door.upstreamTimeouts = { ...edge.door.upstreamTimeouts, connectMs: 200, firstByteMs: 500 };
  const client = rawClient(edge.port, "");
  client.socket.write("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 400000000\r\n\r\n");
  const block = Buffer.alloc(64 * 1024);
  let sent = 0;
  const push = (): void => {
    while (sent < 400_000_000 && client.socket.write(block)) sent += block.length;
  };
  client.socket.on("drain", push);
  push();
  await Bun.sleep(500);
  expect(sent).toBeGreaterThan(100_000);
  expect(sent).toBeLessThan(30_000_000);
  await eventually(() => edge.door.ended_.length === 1);
  expect(edge.door.ended_[0]!.exchange.received.method).toBe("POST");
  client.socket.destroy();
});

test("a reply made here with a 204 loses its body instead of failing", async () => {
  const edge = openEdge(null);
  open.push(edge);
  edge.door.answer = (_, on) =>
    on.reply({ status: 204, reason: "", headers: new HeaderMap(), body: BytesBody.text("x") });
  expect(await exchangeOnce(edge.port, GET, (text) => text.includes("\r\n\r\n"))).toStartWith("HTTP/1.1 204");
});
