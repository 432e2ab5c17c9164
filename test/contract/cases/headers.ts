import { expect } from "bun:test";
import type { FieldList } from "../../kit/http-message.ts";
import { ask, RawClient } from "../../kit/raw-client.ts";
import type { ContractCase } from "../stage.ts";

const SORTED = "Bun sorts names and joins repeated fields";

const HOP_BY_HOP: FieldList = [
  ["Connection", "X-Private, keep-alive, x-other"],
  ["X-Private", "mine"],
  ["X-Other", "mine too"],
  ["Keep-Alive", "timeout=5"],
  ["Proxy-Connection", "keep-alive"],
  ["Proxy-Authenticate", "Basic"],
  ["Upgrade", "h2c"],
  ["X-Kept", "yes"],
];

export const headers: readonly ContractCase[] = [
  {
    name: "request fields keep their order, case and duplicates",
    skip: { serve: SORTED },
    async run({ origin, port }) {
      const fields: FieldList = [
        ["X-Zed", "1"],
        ["x-aLpHa", "2"],
        ["X-Zed", "3"],
        ["Cookie", "a=1"],
        ["Cookie", "b=2"],
      ];
      await ask(port, { fields });
      expect(origin.only.fields.filter(([name]) => /^(x-(zed|alpha)|cookie)$/i.test(name))).toEqual([...fields]);
    },
  },
  {
    name: "reply fields keep their order, case and duplicates",
    skip: { serve: SORTED },
    async run({ origin, port }) {
      const fields: FieldList = [
        ["X-Zed", "1"],
        ["x-aLpHa", "2"],
        ["X-Zed", "3"],
      ];
      origin.behaviour = (request) => request.reply({ fields });
      const reply = await ask(port);
      expect(reply.fields.filter(([name]) => /^x-(zed|alpha)$/i.test(name))).toEqual([...fields]);
    },
  },
  {
    name: "two Set-Cookie fields arrive as two, in order",
    async run({ origin, port }) {
      origin.behaviour = (request) =>
        request.reply({
          fields: [
            ["Set-Cookie", "a=1; Path=/"],
            ["Set-Cookie", "b=2, c"],
          ],
        });
      expect((await ask(port)).headers("set-cookie")).toEqual(["a=1; Path=/", "b=2, c"]);
    },
  },
  {
    name: "obs-text bytes in a request field reach the origin unchanged",
    async run({ origin, port }) {
      await ask(port, { fields: [["X-Bytes", "caf\xe9 \xff\x80"]] });
      expect(origin.only.header("x-bytes")).toBe("caf\xe9 \xff\x80");
    },
  },
  {
    name: "obs-text bytes in a reply field reach the client unchanged",
    async run({ origin, port }) {
      origin.behaviour = (request) => request.reply({ fields: [["X-Bytes", "caf\xe9 \xff\x80"]] });
      expect((await ask(port)).header("x-bytes")).toBe("caf\xe9 \xff\x80");
    },
  },
  {
    name: "UTF-8 bytes in fields pass both ways unchanged",
    async run({ origin, port }) {
      const utf8 = Buffer.from("žluťoučký 🐎").toString("latin1");
      origin.behaviour = (request) => request.reply({ fields: [["X-Back", utf8]] });
      const reply = await ask(port, { fields: [["X-Forth", utf8]] });
      expect([origin.only.header("x-forth"), reply.header("x-back")]).toEqual([utf8, utf8]);
    },
  },
  {
    name: "a field of 6000 bytes passes both ways",
    async run({ origin, port }) {
      const long = "v".repeat(6000);
      origin.behaviour = (request) => request.reply({ fields: [["X-Long", long]] });
      const reply = await ask(port, { fields: [["X-Long", long]] });
      expect([origin.only.header("x-long"), reply.header("x-long")]).toEqual([long, long]);
    },
  },
  {
    name: "100 fields pass both ways",
    async run({ origin, port }) {
      const many: FieldList = Array.from({ length: 100 }, (_, i) => [`X-N${i}`, String(i)] as const);
      origin.behaviour = (request) => request.reply({ fields: many });
      const reply = await ask(port, { fields: many });
      for (const [name, value] of many) expect([origin.only.header(name), reply.header(name)]).toEqual([value, value]);
    },
  },
  {
    name: "an empty field value stays an empty field",
    async run({ origin, port }) {
      origin.behaviour = (request) => request.reply({ fields: [["X-Empty", ""]] });
      const reply = await ask(port, { fields: [["X-Empty", ""]] });
      expect([origin.only.header("x-empty"), reply.header("x-empty")]).toEqual(["", ""]);
    },
  },
  {
    name: "hop-by-hop fields and what Connection names stay out of the request",
    async run({ origin, port }) {
      await ask(port, { fields: [...HOP_BY_HOP.filter(([name]) => name !== "Upgrade"), ["TE", "gzip"]] });
      const { only } = origin;
      for (const name of ["x-private", "x-other", "keep-alive", "proxy-connection", "te"]) {
        expect([name, only.headers(name)]).toEqual([name, []]);
      }
      expect(only.header("x-kept")).toBe("yes");
      expect(only.headers("connection").join().toLowerCase()).not.toContain("x-private");
    },
  },
  {
    name: "hop-by-hop fields and what Connection names stay out of the reply",
    async run({ origin, port }) {
      origin.behaviour = (request) => request.reply({ fields: HOP_BY_HOP, body: "b" });
      const reply = await ask(port);
      for (const name of ["x-private", "x-other", "proxy-connection", "upgrade"]) {
        expect([name, reply.headers(name)]).toEqual([name, []]);
      }
      expect(reply.header("x-kept")).toBe("yes");
      expect(reply.headers("connection").join().toLowerCase()).not.toContain("x-private");
    },
  },
  {
    name: "an origin that closes its connection does not close the client's",
    async run({ origin, port }) {
      origin.behaviour = (request) => {
        request.reply({ fields: [["Connection", "close"]], body: "bye" });
        request.end();
      };
      await using client = await RawClient.connect(port);
      for (const target of ["/1", "/2", "/3"]) {
        client.request({ target });
        expect((await client.read()).text).toBe("bye");
      }
    },
  },
  {
    name: "a client that says Connection: close gets its reply and then the end",
    async run({ origin, port }) {
      origin.behaviour = (request) => request.reply({ body: "last" });
      await using client = await RawClient.connect(port);
      client.request({ fields: [["Connection", "close"]] });
      expect((await client.read()).text).toBe("last");
      expect(await client.ended).toBe("fin");
      expect(origin.only.headers("connection").join().toLowerCase()).not.toBe("close");
    },
  },
  {
    name: "no User-Agent or Accept is invented",
    skip: { serve: "fetch sends both, empty at best, when the client sent none" },
    async run({ origin, port }) {
      await ask(port);
      for (const name of ["user-agent", "accept"]) expect([name, origin.only.headers(name)]).toEqual([name, []]);
    },
  },
  {
    name: "User-Agent and Accept never name the gateway",
    async run({ origin, port }) {
      await ask(port);
      expect(origin.only.rawHead.toString("latin1")).not.toMatch(/bun/i);
    },
  },
  {
    name: "no Accept-Encoding, Content-Type, Origin or Referer is invented",
    async run({ origin, port }) {
      await ask(port);
      for (const name of ["accept-encoding", "content-type", "origin", "referer"]) {
        expect([name, origin.only.headers(name)]).toEqual([name, []]);
      }
    },
  },
  {
    name: "no Content-Type or Server is invented for a reply that has none",
    skip: { serve: "Bun.serve adds a content-type to bodies in memory" },
    async run({ origin, port }) {
      origin.behaviour = (request) => request.reply({ body: "raw" });
      const reply = await ask(port);
      for (const name of ["content-type", "server"]) expect([name, reply.headers(name)]).toEqual([name, []]);
    },
  },
  {
    name: "the origin's Date and Server come back as they are, once",
    async run({ origin, port }) {
      const date = "Tue, 15 Nov 1994 08:12:31 GMT";
      origin.behaviour = (request) =>
        request.reply({
          fields: [
            ["Date", date],
            ["Server", "raw/1"],
          ],
          body: "x",
        });
      const reply = await ask(port);
      expect([reply.headers("date"), reply.headers("server")]).toEqual([[date], ["raw/1"]]);
    },
  },
  {
    name: "Authorization, Cookie, Accept-Language and Origin pass unchanged",
    async run({ origin, port }) {
      const fields: FieldList = [
        ["Authorization", "Basic dTpw"],
        ["Cookie", "a=1; b=2"],
        ["Accept-Language", "cs;q=0.9, *;q=0.1"],
        ["Origin", "http://site.example"],
        ["User-Agent", "kit/1"],
        ["Accept", "*/*"],
      ];
      await ask(port, { fields });
      for (const [name, value] of fields) expect([name, origin.only.header(name)]).toEqual([name, value]);
    },
  },
];
