import { afterAll, beforeAll, expect, test } from "bun:test";
import { openWebSocket } from "../kit/websocket-origin.ts";
import { closePayload, OPCODE } from "../kit/websocket-frames.ts";
import type { Sluice } from "../kit/sluice.ts";
import { ask } from "../kit/raw-client.ts";
import { crossing, WebOrigin } from "./crossing.ts";

let origin: WebOrigin;
let sluice: Sluice;

beforeAll(async () => {
  origin = new WebOrigin();
  sluice = await crossing(origin, "http2");
});

afterAll(async () => {
  await sluice.stop();
  await origin[Symbol.asyncDispose]();
});

test("a WebSocket to an http2 upstream goes by HTTP/1.1 over TLS, frame by frame", async () => {
  const { client, socket } = await openWebSocket(sluice.port);
  socket.text("hello");
  expect(await socket.nextText()).toBe("hello");
  socket.frame(OPCODE.ping, "p");
  expect(await socket.next()).toEqual({ opcode: OPCODE.pong, payload: Buffer.from("p") });
  socket.close(4001, "bye");
  expect((await socket.next()).payload).toEqual(closePayload(4001, "bye"));
  client.close();
});

test("other requests keep to HTTP/2 beside it", async () => {
  const { client, socket } = await openWebSocket(sluice.port);
  expect((await ask(sluice.port)).text).toBe("hello");
  socket.text("still");
  expect(await socket.nextText()).toBe("still");
  client.close();
});
