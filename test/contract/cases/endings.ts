import { expect } from "bun:test";
import type { Ending } from "../../kit/byte-stream.ts";
import { Gate } from "../../kit/eventually.ts";
import type { FieldList } from "../../kit/http-message.ts";
import { RawClient, readTruncated } from "../../kit/raw-client.ts";
import type { OriginRequest } from "../../kit/raw-origin.ts";
import type { ContractCase } from "../stage.ts";

const CHUNKED: FieldList = [["Transfer-Encoding", "chunked"]];
const CHUNKED_START = (request: OriginRequest) => {
  request.head(200, CHUNKED);
  request.writeChunk("the beginning");
};
const LENGTH_START = (request: OriginRequest) => {
  request.head(200, [["Content-Length", "1000"]]);
  request.write("the beginning");
};

type Act = (request: OriginRequest) => void;
const LAST_LINE = "in chunks, ended by FIN in the last chunk's line";

const deaths: Array<[what: string, start: Act, die: Act]> = [
  ["with a length, ended by FIN", LENGTH_START, (request) => request.close()],
  ["with a length, ended by RST", LENGTH_START, (request) => request.reset()],
  ["in chunks, ended by FIN", CHUNKED_START, (request) => request.close()],
  ["in chunks, ended by RST", CHUNKED_START, (request) => request.reset()],
  [
    "in chunks, ended by FIN inside a chunk",
    CHUNKED_START,
    (request) => (request.write("ff\r\nhalf"), request.close()),
  ],
  [LAST_LINE, CHUNKED_START, (request) => (request.write("0\r\n"), request.close())],
  [
    "in chunks, followed by garbage",
    CHUNKED_START,
    (request) => (request.write("zz\r\nhello\r\n0\r\n\r\n"), request.close()),
  ],
];

export const endings: readonly ContractCase[] = [
  ...deaths.map(([what, start, die]): ContractCase => ({
    name: `a reply cut short (${what}) never looks complete`,
    ...(what === LAST_LINE
      ? { skip: { serve: "fetch takes a chunked reply for complete at its last chunk's line" } }
      : {}),
    async run({ origin, port }) {
      const seen = new Gate();
      origin.behaviour = async (request) => {
        start(request);
        await seen.opened;
        die(request);
      };
      await using client = await RawClient.connect(port);
      client.request({});
      const { body } = await client.readHead();
      await body.until("the beginning");
      seen.open();
      const outcome: Ending | "complete" = await body.all().then(
        () => "complete" as const,
        (error: { ending?: Ending }) => error.ending ?? "complete",
      );
      expect(outcome).not.toBe("complete");
    },
  })),
  {
    name: "a reply that ends with its connection and is reset never looks complete",
    skip: { serve: "fetch takes a reset for the end of such a reply" },
    async run({ origin, port }) {
      const seen = new Gate();
      origin.behaviour = async (request) => {
        request.head(200, [["Content-Type", "text/plain"]]);
        request.write("the beginning");
        await seen.opened;
        request.reset();
      };
      await using client = await RawClient.connect(port);
      client.request({});
      const { body } = await client.readHead();
      await body.until("the beginning");
      seen.open();
      expect(
        await body.all().then(
          () => "complete",
          () => "cut",
        ),
      ).toBe("cut");
    },
  },
  {
    name: "a reply cut short at once never looks complete",
    async run({ origin, port }) {
      origin.behaviour = (request) => {
        LENGTH_START(request);
        request.close();
      };
      await using client = await RawClient.connect(port);
      client.request({});
      // All came in one read: a gateway may also answer 502, which is an honest reply.
      const outcome = await readTruncated(client).catch((error: Error) => error.message);
      expect(outcome).toMatch(/^(fin|rst)$|complete: 502/);
    },
  },
  ...(["close", "reset", "end"] as const).map((how): ContractCase => ({
    name: `a client that goes away (${how === "end" ? "FIN and gone" : how}) while it waits ends the origin's request`,
    async run({ origin, port }) {
      origin.behaviour = (request) => request.aborted.then(() => undefined);
      const client = await RawClient.connect(port);
      client.request({});
      const request = await origin.request();
      if (how === "end") client.end();
      if (how === "reset") client.reset();
      else client.close();
      expect(await request.aborted).toBeOneOf(["fin", "rst"]);
    },
  })),
  {
    name: "a client that goes away in the middle of a reply ends the origin's request",
    async run({ origin, port }) {
      origin.behaviour = (request) => {
        CHUNKED_START(request);
        return request.aborted.then(() => undefined);
      };
      const client = await RawClient.connect(port);
      client.request({});
      await (await client.readHead()).body.until("the beginning");
      client.close();
      expect(await (await origin.request()).aborted).toBeOneOf(["fin", "rst"]);
    },
  },
  {
    name: "a client that goes away in the middle of its body never looks complete to the origin",
    async run({ origin, port }) {
      const outcome = Promise.withResolvers<string>();
      origin.behaviour = (request) =>
        request.body.all().then(
          () => outcome.resolve("complete"),
          () => outcome.resolve("cut"),
        );
      const client = await RawClient.connect(port);
      client.request({ method: "POST", fields: CHUNKED });
      client.send("5\r\nhello\r\n");
      await origin.request();
      client.close();
      expect(await outcome.promise).toBe("cut");
    },
  },
  {
    name: "a client that only closes its sending side still gets its reply",
    skip: { serve: "Bun.serve takes a half-closed connection for an aborted one" },
    async run({ origin, port }) {
      const gate = new Gate();
      origin.behaviour = async (request) => {
        await gate.opened;
        request.reply({ body: "still here" });
      };
      await using client = await RawClient.connect(port);
      client.request({});
      client.end();
      await origin.request();
      gate.open();
      expect((await client.read()).text).toBe("still here");
    },
  },
];
