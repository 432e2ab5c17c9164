// The shortcut of small replies leans on what Bun 1.4.5 reports about a response. If these fail after an update, replies still
// arrive (as streams) but cost more: measure again.
import { afterEach, expect, test } from "bun:test";
import { wholeBody } from "../../src/proxy/web-whole-body.ts";
import { type RawOrigin, rawOrigin } from "./edge-kit.ts";

const open: RawOrigin[] = [];

afterEach(() => {
  for (const one of open.splice(0)) one.close();
});

async function replyOf(answer: Parameters<typeof rawOrigin>[0], target = "/"): Promise<Response> {
  const origin = await rawOrigin(answer);
  open.push(origin);
  return fetch(`http://127.0.0.1:${origin.port}${target}`, { decompress: false, redirect: "manual" });
}

for (const [length, status, target] of [
  [1, "200 OK", "/"],
  [27, "404 Not Found", "/a/long/path?with=a&query=%20"],
  [5000, "200 Some Other Reason", "/"],
] as const) {
  test(`${length} bytes that came with their head (${status}) are taken at once`, async () => {
    const body = "x".repeat(length);
    const reply = await replyOf(`HTTP/1.1 ${status}\r\nX-A: 1\r\nContent-Length: ${length}\r\n\r\n${body}`, target);
    expect(wholeBody(reply, length)).toEqual(new Uint8Array(Buffer.from(body)));
  });
}

for (const part of ["", "h", "hell"]) {
  test(`a body of which ${part.length} of 5 bytes came is left alone`, async () => {
    let rest: () => void = () => undefined;
    const reply = await replyOf((socket) => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n${part}`);
      rest = () => void socket.write("hello".slice(part.length));
    });
    expect(wholeBody(reply, 5)).toBeNull();
    await Bun.sleep(20);
    expect(wholeBody(reply, 5)).toBeNull();
    rest();
    expect(await reply.text()).toBe("hello");
  });
}

test("large bodies stream", async () => {
  const length = 64 * 1024 + 1;
  const reply = await replyOf(`HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n\r\n${"x".repeat(length)}`);
  expect(wholeBody(reply, length)).toBeNull();
  expect((await reply.bytes()).byteLength).toBe(length);
});
