import { expect } from "bun:test";
import { Gate } from "../../kit/eventually.ts";
import { closePayload, OPCODE } from "../../kit/websocket-frames.ts";
import { echoMessages, openWebSocket, webSocketOrigin } from "../../kit/websocket-origin.ts";
import type { ContractCase } from "../stage.ts";

const BINARY = Buffer.from(Array.from({ length: 256 }, (_, i) => i));

export const websockets: readonly ContractCase[] = [
  {
    name: "WebSocket messages come back as they went, text and binary",
    async run({ origin, port }) {
      origin.behaviour = echoMessages;
      const { client, socket } = await openWebSocket(port, "/chat?room=1");
      await using _ = client;
      socket.text("žluť 🐎");
      expect(await socket.nextText()).toBe("žluť 🐎");
      socket.binary(BINARY);
      expect(await socket.next()).toEqual({ opcode: OPCODE.binary, payload: BINARY });
      socket.text("");
      expect(await socket.nextText()).toBe("");
      expect(origin.only.target).toBe("/chat?room=1");
    },
  },
  {
    name: "a WebSocket message the server sends first arrives",
    async run({ origin, port }) {
      origin.behaviour = webSocketOrigin((socket) => socket.text("welcome"));
      const { client, socket } = await openWebSocket(port);
      await using _ = client;
      expect(await socket.nextText()).toBe("welcome");
    },
  },
  {
    name: "a WebSocket message of three megabytes comes back",
    async run({ origin, port }) {
      origin.behaviour = echoMessages;
      const { client, socket } = await openWebSocket(port);
      await using _ = client;
      const large = Buffer.alloc(3 << 20, "0123456789");
      socket.binary(large);
      const { payload } = await socket.next();
      expect(payload.equals(large)).toBe(true);
    },
  },
  {
    name: "a thousand WebSocket messages keep their order",
    async run({ origin, port }) {
      origin.behaviour = echoMessages;
      const { client, socket } = await openWebSocket(port);
      await using _ = client;
      for (let i = 0; i < 1000; i++) socket.text(String(i));
      for (let i = 0; i < 1000; i++) expect(await socket.nextText()).toBe(String(i));
    },
  },
  {
    name: "the client's close code and reason reach the origin, whose answer comes back",
    async run({ origin, port }) {
      const seen = Promise.withResolvers<Buffer>();
      origin.behaviour = webSocketOrigin(async (socket) => {
        const { payload } = await socket.next();
        seen.resolve(payload);
        socket.frame(OPCODE.close, payload);
        socket.stream.socket.end();
      });
      const { client, socket } = await openWebSocket(port);
      await using _ = client;
      socket.close(4321, "had enough");
      expect(await seen.promise).toEqual(closePayload(4321, "had enough"));
      expect(await socket.next()).toEqual({ opcode: OPCODE.close, payload: closePayload(4321, "had enough") });
    },
  },
  {
    name: "the origin's close code and reason reach the client",
    async run({ origin, port }) {
      origin.behaviour = webSocketOrigin(async (socket) => {
        socket.close(4002, "go away");
        await socket.next();
        socket.stream.socket.end();
      });
      const { client, socket } = await openWebSocket(port);
      await using _ = client;
      expect(await socket.next()).toEqual({ opcode: OPCODE.close, payload: closePayload(4002, "go away") });
      socket.close(4002, "go away");
      expect(await client.ended).toBeOneOf(["fin", "rst"]);
    },
  },
  {
    name: "the client's ping is answered",
    async run({ origin, port }) {
      origin.behaviour = echoMessages;
      const { client, socket } = await openWebSocket(port);
      await using _ = client;
      socket.frame(OPCODE.ping, "are you there");
      expect(await socket.next()).toEqual({ opcode: OPCODE.pong, payload: Buffer.from("are you there") });
    },
  },
  {
    name: "the origin's ping is answered",
    async run({ origin, port }) {
      const pong = Promise.withResolvers<unknown>();
      origin.behaviour = webSocketOrigin(async (socket) => {
        socket.frame(OPCODE.ping, "and you");
        pong.resolve(await socket.next());
      });
      const { client, socket } = await openWebSocket(port);
      await using _ = client;
      const ping = await socket.next();
      // A gateway that re-frames answers by itself; one that tunnels leaves it to the client.
      if (ping.opcode === OPCODE.ping) socket.frame(OPCODE.pong, ping.payload);
      expect(await pong.promise).toEqual({ opcode: OPCODE.pong, payload: Buffer.from("and you") });
    },
  },
  {
    name: "the subprotocol the origin chooses is the client's",
    async run({ origin, port }) {
      origin.behaviour = webSocketOrigin(() => undefined, [["Sec-WebSocket-Protocol", "v2.chat"]]);
      const { client, head } = await openWebSocket(port, "/ws", [["Sec-WebSocket-Protocol", "v1.chat, v2.chat"]]);
      await using _ = client;
      expect(head.header("sec-websocket-protocol")).toBe("v2.chat");
      expect(origin.only.header("sec-websocket-protocol")).toBe("v1.chat, v2.chat");
    },
  },
  {
    name: "a WebSocket upgrade carries cookies, origin and forwarding fields",
    async run({ origin, port }) {
      origin.behaviour = echoMessages;
      const { client } = await openWebSocket(port, "/ws", [
        ["Cookie", "a=1"],
        ["Origin", "http://site.example"],
      ]);
      await using _ = client;
      const { only } = origin;
      expect([only.header("cookie"), only.header("origin")]).toEqual(["a=1", "http://site.example"]);
      expect([only.header("x-forwarded-for"), only.header("via")]).toEqual(["127.0.0.1", "1.1 sluice"]);
    },
  },
  {
    name: "an origin that refuses the upgrade is heard with its status",
    async run({ origin, port }) {
      origin.behaviour = (request) => request.reply({ status: 403, reason: "Forbidden", body: "not you" });
      await expect(openWebSocket(port)).rejects.toThrow("expected 101, got 403");
    },
  },
  {
    name: "an origin that vanishes ends the client's WebSocket",
    async run({ origin, port }) {
      const gate = new Gate();
      origin.behaviour = webSocketOrigin(async (socket) => {
        await gate.opened;
        socket.stream.socket.resetAndDestroy();
      });
      const { client } = await openWebSocket(port);
      gate.open();
      expect(await client.ended).toBeOneOf(["fin", "rst"]);
      client.close();
    },
  },
  {
    name: "a client that vanishes ends the origin's WebSocket",
    async run({ origin, port }) {
      origin.behaviour = echoMessages;
      const { client, socket } = await openWebSocket(port);
      socket.text("hello");
      await socket.nextText();
      client.reset();
      expect(await origin.only.aborted).toBeOneOf(["fin", "rst"]);
    },
  },
];
