// One test for each row of "From edge `wire` to transport `fetch`" in docs/edges.md. A test that fails here after an update of Bun
// is good news: mend the code, strike the row.
import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chunk } from "../kit/http-message.ts";
import { ask, RawClient } from "../kit/raw-client.ts";
import { type Sluice, sluiceCommand, toYaml } from "../kit/sluice.ts";
import { crossing, StreamOrigin } from "./crossing.ts";

let origin: StreamOrigin;
let sluice: Sluice;

beforeAll(async () => {
  origin = await StreamOrigin.start();
  sluice = await crossing(origin, "http2");
});

afterAll(async () => {
  await sluice.stop();
  await origin[Symbol.asyncDispose]();
});

afterEach(() => {
  origin.requests.length = 0;
  origin.answer = ({ stream }) => stream.respond({ ":status": 200 }, { endStream: true });
});

test("crossing-get-body: GET and HEAD with a body are refused", async () => {
  for (const method of ["GET", "HEAD"]) expect((await ask(sluice.port, { method, body: "hi" })).status).toBe(400);
  expect(origin.requests).toHaveLength(0);
});

test("crossing-methods: OPTIONS * and methods that Bun does not know are refused", async () => {
  for (const parts of [{ method: "OPTIONS", target: "*" }, { method: "BREW" }])
    expect((await ask(sluice.port, parts)).json()["code"]).toBe("method_not_supported");
  expect(origin.requests).toHaveLength(0);
});

test("crossing-dots: dot segments and backslashes in a path are refused", async () => {
  for (const target of ["/a/../b", "/a/%2E%2e/b", "/a/.", "/a\\b"])
    expect((await ask(sluice.port, { target })).json()["code"]).toBe("bad_request");
  expect(origin.requests).toHaveLength(0);
});

test("crossing-fields: names are lower case, repeated fields joined, Accept and User-Agent added", async () => {
  const fields = [
    ["X-B", "1"],
    ["Cookie", "a=1"],
    ["x-A", "2"],
    ["Cookie", "b=2"],
    ["X-B", "3"],
  ] as const;
  await ask(sluice.port, { host: "h", fields });
  const raw = origin.requests[0]!.rawHeaders;
  const pairs = raw.flatMap((name, i) => (i % 2 === 0 ? [`${name}: ${raw[i + 1]}`] : []));
  expect(pairs.filter((pair) => !/^(:|x-forwarded|x-request-id|via)/.test(pair)).sort()).toEqual([
    "accept: */*",
    "cookie: a=1; b=2",
    "user-agent: ",
    "x-a: 2",
    "x-b: 1, 3",
  ]);
});

test("crossing-connection-fields: nothing of the HTTP/1.1 connection is sent on HTTP/2, and Host is :authority", async () => {
  await using client = await RawClient.connect(sluice.port);
  client.send("POST / HTTP/1.1\r\nHost: client.test\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 5\r\n");
  client.send("TE: trailers\r\nProxy-Connection: x\r\nUpgrade: h2c\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
  await client.read();
  const { headers } = origin.requests[0]!;
  expect(headers[":authority"]).toBe("client.test");
  const own = "connection keep-alive te proxy-connection upgrade transfer-encoding host x-hop".split(" ");
  expect(own.filter((name) => name in headers)).toEqual([]);
});

test("crossing-expect: Expect is answered by the proxy once the upstream is connected, and not passed on", async () => {
  await using client = await RawClient.connect(sluice.port);
  client.send("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  expect((await client.readHead()).status).toBe(100);
  client.send("hi");
  expect((await client.read()).status).toBe(200);
  expect("expect" in origin.requests[0]!.headers).toBe(false);
});

test("crossing-request-trailers: trailers of a request are dropped", async () => {
  let trailers = 0;
  origin.answer = ({ stream }) => {
    stream.on("trailers", () => trailers++);
    stream.on("end", () => stream.respond({ ":status": 200 }, { endStream: true }));
    stream.resume();
  };
  await using client = await RawClient.connect(sluice.port);
  client.send("POST / HTTP/1.1\r\nHost: h\r\nTrailer: X-T\r\nTransfer-Encoding: chunked\r\n\r\n");
  client.send(Buffer.concat([chunk("hi"), Buffer.from("0\r\nX-T: 1\r\n\r\n")]));
  expect((await client.read()).status).toBe(200);
  expect(trailers).toBe(0);
});

test("crossing-trailers: trailers of a reply are dropped", async () => {
  origin.answer = ({ stream }) => {
    stream.respond({ ":status": 200 }, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "x-t": "1" }));
    stream.end("hi");
  };
  const reply = await ask(sluice.port);
  expect([reply.text, reply.trailers]).toEqual(["hi", []]);
});

test("crossing-informational: 1xx replies are dropped", async () => {
  origin.answer = ({ stream }) => {
    stream.additionalHeaders({ ":status": 103, link: "</x>" });
    stream.respond({ ":status": 200 }, { endStream: true });
  };
  expect((await ask(sluice.port)).informational).toEqual([]);
});

test("crossing-reply-fields: names are lower case, the reason phrase is Bun's own", async () => {
  origin.answer = ({ stream }) => stream.respond({ ":status": 404, "X-Odd": "1" }, { endStream: true });
  const reply = await ask(sluice.port);
  expect([reply.status, reply.reason]).toEqual([404, ""]);
  expect(reply.fields.map(([name]) => name)).toContain("x-odd");
});

test("crossing-http3-tls: an http3 upstream can have no authority, client certificate or server name of its own", async () => {
  const directory = mkdtempSync(join(tmpdir(), "sluice-pins-"));
  try {
    const upstreams = [{ name: "up", url: origin.url, protocol: "http3", tls: { ca: origin.authority.caFile } }];
    const file = join(directory, "sluice.yaml");
    writeFileSync(file, toYaml({ upstreams, routes: [{ path: "/*", upstream: "up" }] }));
    const check = sluiceCommand(["check", "--config", file]);
    await check.says("http3 upstreams cannot have tls.ca yet");
    await check.kill();
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
