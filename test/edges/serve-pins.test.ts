// One test for each row of docs/edges.md: what Bun forces on the serve edge and the fetch transport today. A test that fails
// here after an update of Bun is good news: mend the code, strike the row.
import { afterEach, expect, test } from "bun:test";
import { type Edge, exchangeOnce, fieldsOf, GET, openEdge, type RawOrigin, rawClient, rawOrigin } from "./edge-kit.ts";

const OK = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello";
const open: { close(): void }[] = [];

async function serve(answer: Parameters<typeof rawOrigin>[0] = OK): Promise<{ edge: Edge; origin: RawOrigin }> {
  const origin = await rawOrigin(answer);
  const edge = openEdge(origin.port);
  open.push(edge, origin);
  return { edge, origin };
}

afterEach(() => {
  for (const one of open.splice(0)) one.close();
});

const head = (text: string): boolean => text.includes("\r\n\r\n");
const targetOf = (origin: RawOrigin): string => origin.received.split(" ")[1]!;

for (const [sent, forwarded] of [
  ["/a/../b/%2e%2e/c%2Fd", "/c%2Fd"],
  ["/a\\b", "/a/b"],
  ["/\xff", "/%EF%BF%BD"],
  ['/^"<>`{}', "/%5E%22%3C%3E%60%7B%7D"],
] as const) {
  test(`path-normalised: ${JSON.stringify(sent)} is forwarded as ${forwarded}`, async () => {
    const { edge, origin } = await serve();
    await exchangeOnce(edge.port, `GET ${sent} HTTP/1.1\r\nHost: h\r\n\r\n`);
    expect(targetOf(origin)).toBe(forwarded);
  });
}

test("double-slash: slashes at the front of a path become one", async () => {
  const { edge, origin } = await serve();
  await exchangeOnce(edge.port, "GET //a//b HTTP/1.1\r\nHost: h\r\n\r\n");
  expect(edge.door.ended_[0]!.exchange.received.target).toBe("//a//b");
  expect(targetOf(origin)).toBe("/a//b");
});

test("request-fields: names are lower case and sorted, repeated fields joined", async () => {
  const { edge } = await serve();
  await exchangeOnce(
    edge.port,
    "GET / HTTP/1.1\r\nX-B: 1\r\nHost: h\r\nx-A: 2\r\nX-B: 3\r\nCookie: a=1\r\nCookie: b=2\r\n\r\n",
  );
  expect([...edge.door.ended_[0]!.exchange.received.headers]).toEqual([
    ["cookie", "a=1; b=2"],
    ["host", "h"],
    ["x-a", "2"],
    ["x-b", "1, 3"],
  ]);
});

test("absolute-form: the Host field wins over the target", async () => {
  const { edge } = await serve();
  await exchangeOnce(edge.port, "GET http://good/x HTTP/1.1\r\nHost: evil\r\n\r\n");
  expect(edge.door.ended_[0]!.exchange.host).toBe("evil");
});

test("version: a request of HTTP/1.0 is taken for one of HTTP/1.1", async () => {
  const { edge } = await serve();
  await exchangeOnce(edge.port, "GET / HTTP/1.0\r\nHost: h\r\n\r\n");
  expect(edge.door.ended_[0]!.exchange.received.version).toBe("1.1");
});

test("get-body: GET with a body is refused", async () => {
  const { edge, origin } = await serve();
  const reply = await exchangeOnce(edge.port, "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi");
  expect(reply).toStartWith("HTTP/1.1 400");
  expect(origin.received).toBe("");
});

test("unknown-method: the connection closes without an answer", async () => {
  const { edge } = await serve();
  expect(await exchangeOnce(edge.port, "BREW / HTTP/1.1\r\nHost: h\r\n\r\n", (_, ending) => ending !== "")).toBe("");
});

test("options-star: OPTIONS * is refused by Bun", async () => {
  const { edge } = await serve();
  expect(
    await exchangeOnce(edge.port, "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", (_, ending) => ending !== ""),
  ).toStartWith("HTTP/1.1 400");
});

test("pipelining: two requests in one write close the connection unanswered", async () => {
  const { edge } = await serve((socket) => setTimeout(() => socket.write(OK), 20));
  expect(await exchangeOnce(edge.port, GET + GET, (_, ending) => ending !== "")).toBe("");
});

test("request-trailers: a chunked request with trailers gets 400 from Bun", async () => {
  const { edge } = await serve(() => {});
  const request = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-T: 1\r\n\r\n";
  expect(await exchangeOnce(edge.port, request, (_, ending) => ending !== "")).toStartWith("HTTP/1.1 400");
});

test("big-head: a head of more than 16 KiB gets a bare 431 from Bun", async () => {
  const { edge } = await serve();
  const reply = await exchangeOnce(
    edge.port,
    `GET / HTTP/1.1\r\nHost: h\r\nX: ${"a".repeat(20_000)}\r\n\r\n`,
    (_, ending) => ending !== "",
  );
  expect(reply).toBe("HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\n\r\n");
});

test("expect: 100-continue is answered at once by Bun, whatever the upstream would say", async () => {
  const { edge } = await serve(() => {});
  const request = "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
  expect(await exchangeOnce(edge.port, request, head)).toBe("HTTP/1.1 100 Continue\r\n\r\n");
});

test("half-close: a client that closes its sending side counts as gone", async () => {
  const { edge } = await serve((socket) => setTimeout(() => socket.write(OK), 100));
  const client = rawClient(edge.port, GET);
  setTimeout(() => client.socket.end(), 20);
  await client.until((_, ending) => ending !== "");
  expect(client.text).toBe("");
  expect(edge.door.ended_[0]!.error?.kind).toBe("client_closed");
});

test("stream-length: a reply that does not arrive at once loses its Content-Length", async () => {
  const { edge } = await serve((socket) => {
    socket.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
    setTimeout(() => socket.write("world"), 20);
  });
  const reply = await exchangeOnce(edge.port, GET, (text) => text.endsWith("0\r\n\r\n"));
  expect(reply.toLowerCase()).not.toContain("content-length");
  expect(reply).toContain("Transfer-Encoding: chunked");
});

test("late-head: the head of a stream is complete only when the first byte of its body comes", async () => {
  const { edge, origin } = await serve((socket) =>
    socket.write("HTTP/1.1 200 OK\r\nX-A: 1\r\nTransfer-Encoding: chunked\r\n\r\n"),
  );
  const client = rawClient(edge.port, GET);
  await client.until((text) => text !== "");
  await Bun.sleep(50);
  expect(client.text).not.toContain("\r\n\r\n");
  origin.sockets[0]!.write("2\r\nhi\r\n0\r\n\r\n");
  await client.until((text) => text.includes("hi"));
  client.socket.destroy();
});

test("reply-fields: known names first in Bun's spelling, the others lower case, repeated ones joined, a Date added", async () => {
  const { edge } = await serve(
    "HTTP/1.1 200 OK\r\nX-B: 1\r\nContent-Type: a/b\r\nx-A: 2\r\nX-B: 3\r\nSet-Cookie: c\r\nContent-Length: 2\r\n\r\nhi",
  );
  const fields = fieldsOf(await exchangeOnce(edge.port, GET)).map((field) => field.replace(/^Date: .*/, "Date"));
  expect(fields).toEqual(["set-cookie: c", "Content-Type: a/b", "x-a: 2", "x-b: 1, 3", "Date", "Content-Length: 2"]);
});

test("reason: the phrase is Bun's own, HM for statuses it does not know", async () => {
  for (const [status, line] of [
    ["404 Nowhere", "404 Not Found"],
    ["299 Odd", "299 HM"],
  ] as const) {
    const { edge } = await serve(`HTTP/1.1 ${status}\r\nContent-Length: 0\r\n\r\n`);
    expect(await exchangeOnce(edge.port, GET, head)).toStartWith(`HTTP/1.1 ${line}\r\n`);
  }
});

test("status-range: statuses above 599 become 502", async () => {
  const { edge } = await serve("HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n");
  const reply = await exchangeOnce(edge.port, GET);
  expect(reply).toStartWith("HTTP/1.1 502");
  expect(reply).toContain("upstream_bad_response");
});

test("head-length: HEAD of unknown length says chunked", async () => {
  const { edge } = await serve("HTTP/1.1 200 OK\r\nX-A: 1\r\n\r\n");
  const reply = await exchangeOnce(edge.port, GET.replace("GET", "HEAD"), head);
  expect(reply.toLowerCase()).toContain("transfer-encoding: chunked");
  expect(reply.toLowerCase()).not.toContain("content-length");
});

test("informational: 1xx replies are dropped", async () => {
  const { edge } = await serve(`HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n${OK}`);
  expect(await exchangeOnce(edge.port, GET)).toStartWith("HTTP/1.1 200");
});

test("trailers: those of a reply are dropped", async () => {
  const { edge } = await serve(
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n2\r\nhi\r\n0\r\nX-T: 1\r\n\r\n",
  );
  expect(await exchangeOnce(edge.port, GET)).not.toContain("X-T: 1");
});

test("added-fields: Accept and an empty User-Agent are added where the client sent none, Connection always", async () => {
  const { edge, origin } = await serve();
  await exchangeOnce(edge.port, GET);
  expect(fieldsOf(origin.received).sort()).toEqual([
    "Accept: */*",
    "Connection: keep-alive",
    "Host: h",
    "User-Agent: ",
  ]);
});

test("order: fields that fetch knows go first, in its order and spelling", async () => {
  const { edge, origin } = await serve();
  await exchangeOnce(
    edge.port,
    "GET / HTTP/1.1\r\nX-A: 1\r\nUser-Agent: u\r\nAccept: a\r\nHost: h\r\nCookie: c\r\n\r\n",
  );
  expect(fieldsOf(origin.received)).toEqual([
    "Accept: a",
    "Cookie: c",
    "Host: h",
    "User-Agent: u",
    "x-a: 1",
    "Connection: keep-alive",
  ]);
});

test("connect-timeout: fetch cannot tell connecting from waiting; both end as upstream_timeout after the sum", async () => {
  const { edge } = await serve(() => {});
  edge.door.upstreamTimeouts = { ...edge.door.upstreamTimeouts, connectMs: 100, firstByteMs: 100 };
  const start = performance.now();
  const reply = await exchangeOnce(edge.port, GET);
  expect(reply).toStartWith("HTTP/1.1 504");
  expect(reply).toContain('"code":"upstream_timeout"');
  expect(performance.now() - start).toBeGreaterThan(150);
});

test("websocket-refusal: only the status of a refused handshake is known", async () => {
  const { edge } = await serve("HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\nContent-Length: 2\r\n\r\nno");
  const request =
    "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
  const reply = await exchangeOnce(edge.port, request, head);
  expect(reply).toStartWith("HTTP/1.1 401");
  expect(reply.toLowerCase()).not.toContain("www-authenticate");
});

test("other-upgrades: an Upgrade that is not a WebSocket is not passed on", async () => {
  const { edge, origin } = await serve();
  await exchangeOnce(edge.port, "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n");
  expect(origin.received.toLowerCase()).not.toContain("upgrade");
});

test("garbage: an answer that is no HTTP looks to fetch like a closed connection", async () => {
  const { edge } = await serve((socket) => void socket.end("SSH-2.0-x\r\n\r\n"));
  expect(await exchangeOnce(edge.port, GET)).toContain('"code":"upstream_reset"');
});
