import { afterEach, expect, test } from "bun:test";
import { type Edge, eventually, exchangeOnce, openEdge, rawClient, rawOrigin } from "./edge-kit.ts";

const open: { close(): void }[] = [];
afterEach(() => {
  for (const one of open.splice(0)) one.close();
});

interface Heard {
  readonly headers: Headers[];
  readonly pings: string[];
  readonly closes: [number, string][];
  readonly sockets: Bun.ServerWebSocket<undefined>[];
}

/** Echoes; chooses sub-protocol `b`; closes when it is told to. */
function echoOrigin(): { port: number; heard: Heard } {
  const heard: Heard = { headers: [], pings: [], closes: [], sockets: [] };
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch(request, self) {
      heard.headers.push(request.headers);
      const wanted = request.headers.get("sec-websocket-protocol");
      const headers = wanted === null ? undefined : { "Sec-WebSocket-Protocol": "b" };
      return self.upgrade(request, { headers }) ? undefined : new Response("no", { status: 400 });
    },
    websocket: {
      idleTimeout: 0,
      sendPings: false,
      open: (ws) => void heard.sockets.push(ws),
      message(ws, data) {
        if (data === "close me") ws.close(4002, "as you wish");
        else if (data === "drop me") ws.terminate();
        else ws.send(data);
      },
      ping: (_, data) => void heard.pings.push(data.toString()),
      close: (_, code, reason) => void heard.closes.push([code, reason]),
    },
  });
  open.push({ close: () => void server.stop(true) });
  return { port: server.port!, heard };
}

function edgeTo(port: number): Edge {
  const edge = openEdge(port);
  open.push(edge);
  return edge;
}

interface Client {
  readonly socket: WebSocket;
  readonly messages: (string | Buffer)[];
  readonly closes: [number, string][];
  readonly opened: Promise<void>;
}

function connect(port: number, options: object = {}): Client {
  // Bun's options (headers, protocols) are not the web's.
  const Socket = WebSocket as unknown as new (url: string, options: object) => WebSocket;
  const socket = new Socket(`ws://127.0.0.1:${port}/chat?room=1`, options);
  socket.binaryType = "nodebuffer";
  const messages: (string | Buffer)[] = [];
  const closes: [number, string][] = [];
  socket.onmessage = (event) => void messages.push(event.data);
  socket.onclose = (event) => void closes.push([event.code, event.reason]);
  const opened = new Promise<void>((resolve, reject) => {
    socket.onopen = () => resolve();
    socket.onerror = () => reject(new Error("refused"));
  });
  opened.catch(() => {});
  return { socket, messages, closes, opened };
}

test("text, binary and the chosen sub-protocol go through", async () => {
  const { port, heard } = echoOrigin();
  const edge = edgeTo(port);
  const client = connect(edge.port, { protocols: ["a", "b"], headers: { "X-Me": "1" } });
  await client.opened;
  expect(client.socket.protocol).toBe("b");
  expect(heard.headers[0]!.get("sec-websocket-protocol")).toBe("a, b");
  expect(heard.headers[0]!.get("x-me")).toBe("1");
  client.socket.send("häuser");
  client.socket.send(new Uint8Array([0, 255, 1]));
  await eventually(() => client.messages.length === 2);
  expect(client.messages[0]).toBe("häuser");
  expect([...(client.messages[1] as Buffer)]).toEqual([0, 255, 1]);
  client.socket.close();
  await eventually(() => edge.door.ended_.length === 1);
});

test("the client's close code and reason reach the origin", async () => {
  const { port, heard } = echoOrigin();
  const edge = edgeTo(port);
  const client = connect(edge.port);
  await client.opened;
  client.socket.close(4001, "bye");
  await eventually(() => heard.closes.length === 1);
  expect(heard.closes).toEqual([[4001, "bye"]]);
  expect(edge.door.ended_.map((e) => e.error)).toEqual([undefined]);
});

test("the origin's close code and reason reach the client", async () => {
  const { port } = echoOrigin();
  const edge = edgeTo(port);
  const client = connect(edge.port);
  await client.opened;
  client.socket.send("close me");
  await eventually(() => client.closes.length === 1);
  expect(client.closes).toEqual([[4002, "as you wish"]]);
  expect(edge.door.ended_.length).toBe(1);
});

test("an origin that vanishes looks like one to the client", async () => {
  const { port } = echoOrigin();
  const edge = edgeTo(port);
  const client = connect(edge.port);
  await client.opened;
  client.socket.send("drop me");
  await eventually(() => client.closes.length === 1);
  expect(client.closes[0]![0]).toBe(1006);
  expect(edge.door.ended_.map((e) => e.error?.kind)).toEqual(["upstream_reset"]);
});

test("pings reach the other side", async () => {
  const { port, heard } = echoOrigin();
  const edge = edgeTo(port);
  const client = connect(edge.port);
  await client.opened;
  (client.socket as unknown as { ping(data: string): void }).ping("are you there");
  await eventually(() => heard.pings.length === 1);
  expect(heard.pings).toEqual(["are you there"]);
  client.socket.close();
});

test("a message the origin sends with its handshake is not lost", async () => {
  const origin = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: (request, self) => (self.upgrade(request) ? undefined : new Response("no")),
    websocket: { open: (ws) => void ws.send("welcome"), message() {} },
  });
  open.push({ close: () => void origin.stop(true) });
  const client = connect(edgeTo(origin.port!).port);
  await eventually(() => client.messages.length === 1);
  expect(client.messages).toEqual(["welcome"]);
  client.socket.close();
});

const HANDSHAKE =
  "GET /x HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

test("an origin that refuses the handshake has its status passed on", async () => {
  const origin = await rawOrigin("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
  open.push(origin);
  const edge = edgeTo(origin.port);
  expect(await exchangeOnce(edge.port, `${HANDSHAKE}\r\n`)).toStartWith("HTTP/1.1 403");
  expect(edge.door.ended_.length).toBe(1);
});

test("an origin that cannot be reached answers 502", async () => {
  const edge = edgeTo(1);
  expect(await exchangeOnce(edge.port, `${HANDSHAKE}\r\n`)).toStartWith("HTTP/1.1 502");
  expect(edge.door.ended_.length).toBe(1);
});

test("extensions the client offers are not offered on its behalf nor confirmed", async () => {
  const { port } = echoOrigin();
  const edge = edgeTo(port);
  const client = rawClient(edge.port, `${HANDSHAKE}Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n`);
  await client.until((text) => text.includes("\r\n\r\n"));
  expect(client.text).toStartWith("HTTP/1.1 101");
  expect(client.text.toLowerCase()).not.toContain("extensions");
  client.socket.destroy();
  await eventually(() => edge.door.ended_.length === 1);
  expect(edge.door.ended_[0]!.error?.kind).toBe("client_closed");
});

test("a burst larger than any buffer arrives whole", async () => {
  const { port } = echoOrigin();
  const edge = edgeTo(port);
  const client = connect(edge.port);
  await client.opened;
  const block = Buffer.alloc(256 * 1024, 1);
  for (let i = 0; i < 64; i++) client.socket.send(block);
  await eventually(() => client.messages.length === 64, 10_000);
  expect(client.messages.reduce((sum, m) => sum + m.length, 0)).toBe(64 * block.length);
  client.socket.close();
});

test("drain waits for WebSockets", async () => {
  const { port } = echoOrigin();
  const edge = edgeTo(port);
  const client = connect(edge.port);
  await client.opened;
  let drained = false;
  const draining = edge.listener.drain(0).then(() => {
    drained = true;
  });
  await Bun.sleep(50);
  expect(drained).toBe(false);
  client.socket.send("still here");
  await eventually(() => client.messages.length === 1);
  client.socket.close();
  await draining;
  expect(drained).toBe(true);
});
