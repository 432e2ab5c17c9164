import { afterEach, expect, test } from "bun:test";
import type net from "node:net";
import {
  type Edge,
  eventually,
  exchangeOnce,
  GET,
  openEdge,
  type RawOrigin,
  rawClient,
  rawOrigin,
} from "./edge-kit.ts";

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

const failures: [string, (socket: net.Socket) => void, number, string][] = [
  ["resets before the head", (socket) => socket.resetAndDestroy(), 502, "upstream_reset"],
  [
    "answers twice-framed",
    (socket) => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhi!"),
    502,
    "upstream_bad_response",
  ],
  [
    "switches protocols unasked",
    (socket) => socket.write("HTTP/1.1 101 X\r\nUpgrade: foo\r\nConnection: Upgrade\r\n\r\n"),
    502,
    "upstream_bad_response",
  ],
];
for (const [what, answer, status, code] of failures) {
  test(`an origin that ${what} answers ${status} ${code}`, async () => {
    const { edge } = await serve(answer);
    const reply = await exchangeOnce(edge.port, GET);
    expect(reply).toStartWith(`HTTP/1.1 ${status}`);
    expect(reply).toContain(`"code":"${code}"`);
  });
}

test("an origin that refuses the connection answers 502 upstream_connect_failed", async () => {
  const edge = openEdge(1);
  open.push(edge);
  expect(await exchangeOnce(edge.port, GET)).toContain('"code":"upstream_connect_failed"');
});

test("a body that stops coming ends after timeouts.idle and does not look complete", async () => {
  const { edge } = await serve((socket) => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"));
  edge.door.upstreamTimeouts = { ...edge.door.upstreamTimeouts, idleMs: 100 };
  const client = rawClient(edge.port, GET);
  await client.until((_, ending) => ending !== "");
  expect(client.ending).toBe("ECONNRESET");
  await eventually(() => edge.door.ended_.length === 1);
  expect(edge.door.ended_[0]!.error?.kind).toBe("upstream_timeout");
});

test("Transfer-Encoding wins over a Content-Length beside it", async () => {
  const { edge } = await serve(
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
  );
  expect(await exchangeOnce(edge.port, GET, (text) => text.endsWith("hi") || text.endsWith("0\r\n\r\n"))).toContain(
    "hi",
  );
});
