import { expect } from "bun:test";
import { eventually, Gate } from "../../kit/eventually.ts";
import { chunk, type FieldList, LAST_CHUNK } from "../../kit/http-message.ts";
import { RawClient } from "../../kit/raw-client.ts";
import type { ContractCase } from "../stage.ts";

const CHUNKED: FieldList = [["Transfer-Encoding", "chunked"]];
const EVENTS: FieldList = [["Content-Type", "text/event-stream"], ...CHUNKED];

export const streaming: readonly ContractCase[] = [
  {
    name: "each chunk of a request reaches the origin before the next is sent",
    async run({ origin, port }) {
      const got: string[] = [];
      origin.behaviour = async (request) => {
        for (let part = await request.body.next(); part !== null; part = await request.body.next()) {
          got.push(part.toString("latin1"));
        }
        request.reply({ body: "all here" });
      };
      await using client = await RawClient.connect(port);
      client.request({ method: "POST", fields: CHUNKED });
      for (const word of ["one", "two", "three"]) {
        client.send(chunk(word));
        await eventually(`"${word}" at the origin`, () => got.join("").endsWith(word));
      }
      client.send(LAST_CHUNK);
      expect((await client.read("POST")).text).toBe("all here");
    },
  },
  {
    name: "each piece of a request with a length reaches the origin before the next is sent",
    async run({ origin, port }) {
      let got = "";
      origin.behaviour = async (request) => {
        for (let part = await request.body.next(); part !== null; part = await request.body.next()) got += part;
        request.reply();
      };
      await using client = await RawClient.connect(port);
      client.request({ method: "POST", fields: [["Content-Length", "11"]] });
      for (const word of ["one", "two", "three"]) {
        client.send(word);
        await eventually(`"${word}" at the origin`, () => got.endsWith(word));
      }
      expect((await client.read("POST")).status).toBe(200);
    },
  },
  {
    name: "a reply's head reaches the client before its body begins",
    skip: { serve: "Bun.serve holds a streamed reply's head back until the first byte of its body" },
    async run({ origin, port }) {
      const gate = new Gate();
      origin.behaviour = async (request) => {
        request.head(200, [["Content-Length", "4"]]);
        await gate.opened;
        request.write("done");
      };
      await using client = await RawClient.connect(port);
      client.request({});
      const head = await client.readHead();
      gate.open();
      expect([head.status, (await head.body.all()).toString()]).toEqual([200, "done"]);
    },
  },
  ...[
    ["chunks", CHUNKED],
    ["one length", [["Content-Length", "11"]] as FieldList],
  ].map(([how, fields]): ContractCase => ({
    name: `each piece of a reply in ${how as string} reaches the client before the next is sent`,
    async run({ origin, port }) {
      const gates = [new Gate(), new Gate(), new Gate()];
      origin.behaviour = async (request) => {
        request.head(200, fields as FieldList);
        for (const [i, word] of ["one", "two", "three"].entries()) {
          if (fields === CHUNKED) request.writeChunk(word);
          else request.write(word);
          await gates[i]!.opened;
        }
        if (fields === CHUNKED) request.endChunks();
      };
      await using client = await RawClient.connect(port);
      client.request({});
      const { body } = await client.readHead();
      for (const [i, word] of ["one", "two", "three"].entries()) {
        expect(await body.until(word)).toBe(word);
        gates[i]!.open();
      }
      expect(await body.next()).toBeNull();
    },
  })),
  {
    name: "a server-sent event arrives while the stream stays open",
    async run({ origin, port }) {
      const gate = new Gate();
      origin.behaviour = async (request) => {
        request.head(200, EVENTS);
        request.writeChunk("data: 1\n\n");
        await gate.opened;
        request.writeChunk("data: 2\n\n");
        request.endChunks();
      };
      await using client = await RawClient.connect(port);
      client.request({ fields: [["Accept", "text/event-stream"]] });
      const head = await client.readHead();
      expect(head.header("content-type")).toBe("text/event-stream");
      expect(await head.body.until("data: 1\n\n")).toBe("data: 1\n\n");
      gate.open();
      expect((await head.body.all()).toString()).toBe("data: 2\n\n");
    },
  },
  {
    name: "a quiet event stream outlives the upstream's idle timeout",
    async run(stage) {
      const { origin } = stage;
      const { port } = await stage.gateway({
        upstreams: [{ name: "origin", url: origin.url, timeouts: { idle: 300, firstByte: 300 } }],
      });
      const quietMs = 1500;
      origin.behaviour = async (request) => {
        if (request.target === "/plain") return void request.head(200, CHUNKED);
        request.head(200, EVENTS);
        request.writeChunk("data: 1\n\n");
      };
      await using plain = await RawClient.connect(port);
      await using events = await RawClient.connect(port);
      events.request({ target: "/events" });
      plain.request({ target: "/plain" });
      const { body } = await events.readHead();
      await body.until("data: 1");
      // The plain stream's idle timeout is the clock: what is quiet for as long is cut there and lives on here.
      expect(await plain.stream.ended).toBeOneOf(["rst", "fin"]);
      await eventually("a while after the idle timeout", () => Bun.sleep(quietMs).then(() => true));
      expect(events.stream.ending).toBeNull();
      (await origin.request(0)).connection.socket.destroy();
    },
  },
  {
    name: "a long poll that answers after a second gets its answer",
    async run({ origin, port }) {
      origin.behaviour = async (request) => {
        await Bun.sleep(1000);
        request.reply({ body: "at last" });
      };
      await using client = await RawClient.connect(port);
      client.request({});
      expect((await client.read()).text).toBe("at last");
    },
  },
];
