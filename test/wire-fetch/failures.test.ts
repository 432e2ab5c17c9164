import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { eventually } from "../kit/eventually.ts";
import { Authority } from "../kit/certificates.ts";
import { chunk } from "../kit/http-message.ts";
import { ask, RawClient, readTruncated } from "../kit/raw-client.ts";
import { Sluice } from "../kit/sluice.ts";
import { crossing, PROTOCOLS, WebOrigin } from "./crossing.ts";
import { CODE, FrameOrigin, type FrameStream } from "./frame-origin.ts";

describe("an HTTP/2 upstream that breaks", () => {
  let origin: FrameOrigin;
  let sluice: Sluice;

  beforeAll(async () => {
    origin = await FrameOrigin.start();
    sluice = await crossing(origin, "http2");
  });

  afterAll(async () => {
    await sluice.stop();
    await origin[Symbol.asyncDispose]();
  });

  afterEach(() => {
    origin.requests = 0;
    origin.resets.length = 0;
  });

  const breaks: Readonly<Record<string, (stream: FrameStream) => void>> = {
    "resets the stream": (stream) => stream.reset(CODE.internal),
    "resets the stream as if all were well": (stream) => stream.reset(CODE.none),
    "cancels the stream": (stream) => stream.reset(CODE.cancel),
    "hangs up": (stream) => stream.hangUp(),
  };

  for (const [what, fail] of Object.entries(breaks)) {
    test(`in the middle of a body (${what}) never looks complete: RST`, async () => {
      let stream: FrameStream | null = null;
      origin.answer = (asked) => {
        stream = asked;
        asked.head();
        asked.data("part");
      };
      await using client = await RawClient.connect(sluice.port);
      client.request({});
      const head = await client.readHead();
      expect(head.framing.kind).toBe("chunked");
      await head.body.until("part");
      fail(stream!);
      expect(await client.ended).toBe("rst");
      expect(client.stream.received.toString("latin1")).not.toEndWith("0\r\n\r\n");
    });

    test(`before the reply (${what}) is 502 upstream_reset`, async () => {
      origin.answer = fail;
      const reply = await ask(sluice.port);
      expect([reply.status, reply.json()["code"]]).toEqual([502, "upstream_reset"]);
    });

    test(`before the reply (${what}): a POST was sent once`, async () => {
      origin.answer = fail;
      expect((await ask(sluice.port, { method: "POST", body: "hi" })).status).toBe(502);
      expect(origin.requests).toBe(1);
    });
  }

  test("a stream that was refused goes to the next endpoint without `retries`: nothing was processed", async () => {
    await using other = await FrameOrigin.start();
    origin.answer = (stream) => stream.reset(CODE.refused);
    const endpoints = [{ url: origin.url }, { url: other.url }];
    await using both = await Sluice.start({
      upstreams: [{ name: "up", endpoints, balance: "failover", protocol: "http2", tls: { insecure: true } }],
      routes: [{ path: "/*", upstream: "up" }],
    });
    expect((await ask(both.port)).text).toBe("hello");
    expect(other.requests).toBe(1);
  });

  test("a GOAWAY that lets the stream end does not disturb it, and the next request has a new connection", async () => {
    origin.answer = (stream) => {
      stream.head();
      stream.goAway(0x7fff_ffff, CODE.none);
      stream.end("hello");
    };
    expect((await ask(sluice.port)).text).toBe("hello");
    expect((await ask(sluice.port)).text).toBe("hello");
  });

  test("a request that the client breaks off is reset at the upstream, not ended", async () => {
    origin.answer = () => undefined;
    const client = await RawClient.connect(sluice.port);
    client.request({ method: "POST", fields: [["Transfer-Encoding", "chunked"]] });
    client.send(chunk("part"));
    await eventually("the request is at the origin", () => origin.requests === 1);
    client.reset();
    await eventually("the stream is reset", () => origin.resets.length === 1);
    expect(origin.resets).toEqual([CODE.cancel]);
  });
});

for (const protocol of PROTOCOLS) {
  test(`${protocol}: a reply that does not come in time is 504 upstream_timeout`, async () => {
    await using origin = new WebOrigin();
    origin.answer = () => new Promise<Response>(() => undefined);
    await using sluice = await crossing(origin, protocol, { timeouts: { connect: "200ms", firstByte: "200ms" } });
    const reply = await ask(sluice.port);
    expect([reply.status, reply.json()["code"]]).toEqual([504, "upstream_timeout"]);
  });

  test(`${protocol}: a body that stops coming ends in RST`, async () => {
    await using origin = new WebOrigin();
    origin.answer = () =>
      new Response(new ReadableStream({ start: (controller) => controller.enqueue(Buffer.from("part")) }));
    await using sluice = await crossing(origin, protocol, { timeouts: { idle: "200ms" } });
    await using client = await RawClient.connect(sluice.port);
    client.request({});
    expect(await readTruncated(client)).toBe("rst");
  });

  test(`${protocol}: a certificate that nobody trusts is 502 upstream_connect_failed, and the request stays here`, async () => {
    await using origin = new WebOrigin();
    await using sluice = await crossing(origin, protocol, { tls: {} });
    const reply = await ask(sluice.port, { method: "POST", body: "secret" });
    expect([reply.status, reply.json()["code"]]).toEqual([502, "upstream_connect_failed"]);
    expect(origin.requests).toBe(0);
  });
}

test("http2: a certificate for another name is 502 upstream_connect_failed", async () => {
  await using origin = new WebOrigin();
  const tls = { ca: origin.authority.caFile, serverName: "other.test" };
  await using sluice = await crossing(origin, "http2", { tls });
  const reply = await ask(sluice.port);
  expect([reply.status, reply.json()["code"]]).toEqual([502, "upstream_connect_failed"]);
  expect(origin.requests).toBe(0);
});

test("http2: an upstream that nobody listens for is 502 upstream_connect_failed", async () => {
  await using origin = new WebOrigin();
  await using sluice = await crossing({ url: "https://127.0.0.1:1", authority: origin.authority }, "http2");
  const reply = await ask(sluice.port);
  expect([reply.status, reply.json()["code"]]).toEqual([502, "upstream_connect_failed"]);
});

test("http2: an upstream that speaks only HTTP/1.1 is a 502", async () => {
  await using origin = new WebOrigin();
  const { cert, key } = origin.authority.issue("old.test", { names: ["IP:127.0.0.1"] });
  const old = Bun.serve({ port: 0, hostname: "127.0.0.1", tls: { cert, key }, fetch: () => new Response("1.1") });
  try {
    const url = `https://127.0.0.1:${old.port}`;
    await using sluice = await crossing({ url, authority: origin.authority }, "http2");
    const reply = await ask(sluice.port);
    expect([reply.status, reply.json()["code"]]).toEqual([502, "upstream_bad_response"]);
  } finally {
    await old.stop(true);
  }
});

test("an https endpoint with a name of its own gets its own authority, not the client's Host", async () => {
  await using origin = new WebOrigin();
  const { cert, key } = origin.authority.issue("localhost");
  const named = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    tls: { cert, key },
    http2: true,
    fetch: (request) => new Response(`${request.url} ${request.headers.get("x-forwarded-host")}`),
  });
  try {
    const url = `https://localhost:${named.port}`;
    await using sluice = await crossing({ url, authority: origin.authority }, "http2");
    const reply = await ask(sluice.port, { host: "client.test", target: "/x" });
    expect(reply.text).toBe(`${url}/x client.test`);
    await using kept = await Sluice.start({
      upstreams: [{ name: "up", url, protocol: "http2", tls: { ca: origin.authority.caFile } }],
      routes: [{ path: "/*", upstream: "up", preserveHost: true }],
    });
    expect((await ask(kept.port, { host: "client.test" })).text).toBe("https://client.test/ client.test");
  } finally {
    await named.stop(true);
  }
});

test("http3: an endpoint is verified by the name in its URL", async () => {
  using authority = new Authority();
  const { cert, key } = authority.issue("localhost");
  const fetch = (request: Request): Response => new Response(request.url);
  const named = Bun.serve({ port: 0, hostname: "::", tls: { cert, key }, http2: true, http3: true, fetch });
  try {
    const upstream = { name: "up", url: `https://localhost:${named.port}`, protocol: "http3" };
    const config = { upstreams: [upstream], routes: [{ path: "/*", upstream: "up" }] };
    await using sluice = await Sluice.start(config, { NODE_EXTRA_CA_CERTS: authority.caFile });
    expect((await ask(sluice.port)).text).toBe(`https://localhost:${named.port}/`);
  } finally {
    await named.stop(true);
  }
});
