import { afterEach, expect, test } from "bun:test";
import { BytesBody } from "../../src/model/body.ts";
import { HeaderMap } from "../../src/model/header-map.ts";
import {
  type Edge,
  eventually,
  exchangeOnce,
  fieldsOf,
  GET,
  openEdge,
  type RawOrigin,
  rawClient,
  rawOrigin,
} from "./edge-kit.ts";

const OK = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello";
const open: { close(): void }[] = [];

async function serve(answer: Parameters<typeof rawOrigin>[0]): Promise<{ edge: Edge; origin: RawOrigin }> {
  const origin = await rawOrigin(answer);
  const edge = openEdge(origin.port);
  open.push(edge, origin);
  return { edge, origin };
}

afterEach(() => {
  for (const one of open.splice(0)) one.close();
});

test("a small reply keeps its Content-Length and its type", async () => {
  const { edge } = await serve(OK);
  const reply = await exchangeOnce(edge.port, GET);
  expect(fieldsOf(reply)).toContain("Content-Length: 5");
  expect(reply).toContain("text/plain");
  expect(reply.endsWith("\r\n\r\nhello")).toBe(true);
  expect(edge.door.ended_.length).toBe(1);
  expect(edge.door.ended_[0]!.exchange.replyBytes).toBe(5);
  expect(edge.door.ended_[0]!.error).toBeUndefined();
});

test("a reply without Content-Type does not gain one", async () => {
  const { edge } = await serve("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
  const reply = await exchangeOnce(edge.port, GET);
  expect(reply.toLowerCase()).not.toContain("content-type");
  expect(fieldsOf(reply)).toContain("Content-Length: 5");
});

test("HEAD keeps the Content-Length and sends no body", async () => {
  const { edge } = await serve("HTTP/1.1 200 OK\r\nContent-Length: 123\r\n\r\n");
  const reply = await exchangeOnce(edge.port, GET.replace("GET", "HEAD"), (text) => text.includes("\r\n\r\n"));
  expect(reply.toLowerCase()).toContain("content-length: 123");
  expect(reply.endsWith("\r\n\r\n")).toBe(true);
});

test("204 and 304 have no body and no invented length", async () => {
  for (const status of ["204 No Content", "304 Not Modified"]) {
    const { edge } = await serve(`HTTP/1.1 ${status}\r\nETag: "x"\r\n\r\n`);
    const reply = await exchangeOnce(edge.port, GET, (text) => text.includes("\r\n\r\n"));
    expect(reply).toStartWith(`HTTP/1.1 ${status}\r\n`);
    expect(reply.toLowerCase()).not.toContain("content-length");
  }
});

test("a trickling body is passed on as it comes, not when it is complete", async () => {
  const { edge, origin } = await serve((socket) => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"));
  const client = rawClient(edge.port, GET);
  await client.until((text) => text.includes("hello"));
  expect(edge.door.ended_.length).toBe(0);
  origin.sockets[0]!.write("world");
  await client.until((text) => text.endsWith("0\r\n\r\n"));
  expect(client.text).toContain("world");
  client.socket.destroy();
  expect(edge.door.ended_[0]!.exchange.replyBytes).toBe(10);
});

test("each event of an event stream leaves at once", async () => {
  const { edge, origin } = await serve((socket) =>
    socket.write(
      "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n8\r\ndata: 1\n\r\n",
    ),
  );
  const client = rawClient(edge.port, GET);
  await client.until((text) => text.includes("data: 1"));
  for (const n of [2, 3]) {
    origin.sockets[0]!.write(`8\r\ndata: ${n}\n\r\n`);
    await client.until((text) => text.includes(`data: ${n}`));
  }
  client.socket.destroy();
});

for (const [how, head, rest] of [
  ["with a length", "Content-Length: 10", "hello"],
  ["chunked", "Transfer-Encoding: chunked", "5\r\nhello\r\n"],
] as const) {
  test(`an upstream that dies in the middle of a body never looks complete (${how})`, async () => {
    const { edge } = await serve((socket) => {
      socket.write(`HTTP/1.1 200 OK\r\n${head}\r\n\r\n${rest}`);
      setTimeout(() => socket.resetAndDestroy(), 30);
    });
    const client = rawClient(edge.port, GET);
    await client.until((_, ending) => ending !== "");
    expect(client.ending).toBe("ECONNRESET");
    expect(client.text).toContain("hello");
    expect(client.text.endsWith("0\r\n\r\n")).toBe(false);
    expect(edge.door.ended_.length).toBe(1);
    expect(edge.door.ended_[0]!.error?.kind).toBe("upstream_reset");
  });
}

for (const [when, answer] of [
  ["before the head", () => {}],
  [
    "in the middle of the body",
    (socket: { write(s: string): void }) => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"),
  ],
] as const) {
  test(`a client that goes away ${when} takes the upstream request with it`, async () => {
    const { edge, origin } = await serve(answer);
    let closed = false;
    const client = rawClient(edge.port, GET);
    await eventually(() => origin.received !== "");
    origin.sockets[0]!.on("close", () => {
      closed = true;
    });
    if (when !== "before the head") await client.until((text) => text.includes("hello"));
    client.socket.destroy();
    await eventually(() => closed && edge.door.ended_.length === 1);
    await Bun.sleep(20);
    expect(edge.door.ended_.length).toBe(1);
    expect(edge.door.ended_[0]!.error?.kind).toBe("client_closed");
  });
}

test("a request body streams with its Content-Length, and chunked without one", async () => {
  const { edge, origin } = await serve((socket, text) => {
    if (text.includes("END")) socket.write(OK);
  });
  const sized = rawClient(edge.port, "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 8\r\n\r\nstart");
  await eventually(() => origin.received.includes("start"));
  expect(origin.received).toContain("Content-Length: 8\r\n");
  sized.socket.write("END");
  await sized.until((text) => text.includes("hello"));
  sized.socket.destroy();
  const chunked = rawClient(
    edge.port,
    "POST /b HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nsecond\r\n".replace("second", "twice"),
  );
  await eventually(() => origin.received.includes("twice"));
  expect(origin.received).toContain("Transfer-Encoding: chunked");
  chunked.socket.write("3\r\nEND\r\n0\r\n\r\n");
  await chunked.until((text) => text.includes("hello"));
  chunked.socket.destroy();
  expect(edge.door.ended_.map((e) => [e.exchange.requestBytes, e.error?.kind])).toEqual([
    [8, undefined],
    [8, undefined],
  ]);
});

test("a client that goes away in the middle of its body aborts the upload", async () => {
  const { edge, origin } = await serve(() => {});
  const client = rawClient(edge.port, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc");
  await eventually(() => origin.received.includes("abc"));
  let closed = false;
  origin.sockets[0]!.on("close", () => {
    closed = true;
  });
  client.socket.destroy();
  await eventually(() => closed && edge.door.ended_.length > 0);
  expect(edge.door.ended_.map((e) => e.error?.kind)).toEqual(["client_closed"]);
});

test("an early reply reaches the client although its upload has not ended", async () => {
  const { edge } = await serve("HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig");
  const client = rawClient(edge.port, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nabc");
  await client.until((text) => text.includes("big"));
  expect(client.text).toStartWith("HTTP/1.1 413");
  client.socket.destroy();
});

test("the path and query arrive as they were sent", async () => {
  const { edge, origin } = await serve(OK);
  for (const target of ["/a//b", "/a%2Fb;c=1?x=%20+&y", "/%41?", "/a?q=/../b"]) {
    await exchangeOnce(edge.port, `GET ${target} HTTP/1.1\r\nHost: h\r\n\r\n`);
    expect(origin.received).toContain(`GET ${target} HTTP/1.1\r\n`);
  }
});

test("connections to the origin are reused", async () => {
  const { edge, origin } = await serve(OK);
  for (let i = 0; i < 5; i++) await exchangeOnce(edge.port, GET);
  expect(origin.connections).toBe(1);
});

test("Set-Cookie lines stay apart and a reply made here goes out whole", async () => {
  const { edge } = await serve("");
  edge.door.answer = (_, on) => {
    const headers = new HeaderMap(["Set-Cookie", "Set-Cookie", "X-A"], ["a=1", "b=2", "x"]);
    on.reply({ status: 200, reason: "", headers, body: BytesBody.text("made here") });
  };
  const reply = await exchangeOnce(edge.port, GET);
  expect(fieldsOf(reply)).toEqual(
    expect.arrayContaining(["set-cookie: a=1", "set-cookie: b=2", "X-A: x", "Content-Length: 9"]),
  );
});

test("a door that throws answers 500 and ends the exchange", async () => {
  const { edge } = await serve("");
  edge.door.answer = () => {
    throw new Error("boom");
  };
  expect(await exchangeOnce(edge.port, GET)).toStartWith("HTTP/1.1 500");
  expect(edge.door.ended_.length).toBe(1);
});
