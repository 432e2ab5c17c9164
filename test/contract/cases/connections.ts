import { expect } from "bun:test";
import { eventually, Gate } from "../../kit/eventually.ts";
import { ask, RawClient, requestBytes } from "../../kit/raw-client.ts";
import { RawOrigin } from "../../kit/raw-origin.ts";
import type { ContractCase } from "../stage.ts";

export const connections: readonly ContractCase[] = [
  {
    name: "a hundred requests in a row share a connection to the origin",
    async run({ origin, port }) {
      await using client = await RawClient.connect(port);
      for (let i = 0; i < 100; i++) {
        client.request({ target: `/${i}` });
        await client.read();
      }
      expect(origin.requests).toHaveLength(100);
      expect(origin.connections.length).toBeLessThanOrEqual(2);
    },
  },
  {
    name: "clients that come one after another share connections to the origin",
    async run({ origin, port }) {
      for (let i = 0; i < 30; i++) await ask(port);
      expect(origin.connections.length).toBeLessThanOrEqual(2);
    },
  },
  {
    name: "400 requests that hang do not keep another route waiting",
    async run(stage) {
      await using other = await RawOrigin.start((request) => request.reply({ body: "free" }));
      const upstreams = [
        { name: "origin", url: stage.origin.url },
        { name: "other", url: other.url },
      ];
      const routes = [
        { path: "/*", upstream: "origin" },
        { path: "/free", upstream: "other" },
      ];
      const { port } = await stage.gateway({ upstreams, routes });
      const gate = new Gate();
      stage.origin.behaviour = async (request) => {
        await gate.opened;
        request.reply({ body: request.target });
      };
      const clients = await Promise.all(Array.from({ length: 400 }, () => RawClient.connect(port)));
      for (const [i, client] of clients.entries()) client.request({ target: `/hang/${i}` });
      await eventually("400 requests at the origin", () => stage.origin.requests.length === 400);
      expect((await ask(port, { target: "/free" })).text).toBe("free");
      gate.open();
      const replies = await Promise.all(clients.map((client) => client.read()));
      expect(replies.map((reply) => reply.text)).toEqual(clients.map((_, i) => `/hang/${i}`));
      for (const client of clients) client.close();
    },
  },
  {
    name: "a connection the origin closed while idle costs a GET nothing",
    async run({ origin, port }) {
      for (let i = 0; i < 5; i++) {
        expect((await ask(port)).status).toBe(200);
        const { connection } = origin.requests.at(-1)!;
        connection.socket.end();
        await connection.ended;
      }
    },
  },
  {
    name: "two requests in one write are answered in order",
    skip: { serve: "Bun.serve closes the connection on pipelined requests (oven-sh/bun#38128)" },
    async run({ origin, port }) {
      origin.behaviour = (request) => request.reply({ body: request.target });
      await using client = await RawClient.connect(port);
      client.send(Buffer.concat(["/1", "/2", "/3"].map((target) => requestBytes(port, { target }))));
      for (const target of ["/1", "/2", "/3"]) expect((await client.read()).text).toBe(target);
    },
  },
  {
    name: "a head that comes byte by byte is understood",
    async run({ origin, port }) {
      await using client = await RawClient.connect(port);
      for (const byte of requestBytes(port, { target: "/slow", fields: [["X-A", "b"]] })) {
        client.send(Buffer.from([byte]));
        await Promise.resolve();
      }
      expect((await client.read()).status).toBe(200);
      expect([origin.only.target, origin.only.header("x-a")]).toEqual(["/slow", "b"]);
    },
  },
  {
    name: "Expect: 100-continue gets its 100 and then its reply",
    async run({ origin, port }) {
      origin.behaviour = async (request) => {
        if (request.header("expect") !== null) request.head(100, [], "Continue");
        request.reply({ body: await request.body.all() });
      };
      await using client = await RawClient.connect(port);
      client.request({
        method: "POST",
        fields: [
          ["Expect", "100-continue"],
          ["Content-Length", "5"],
        ],
      });
      expect((await client.readHead("POST")).status).toBe(100);
      client.send("hello");
      expect((await client.read("POST")).text).toBe("hello");
    },
  },
  {
    name: "an origin that refuses an expectation is heard before the body is sent",
    skip: { serve: "Bun.serve answers Expect: 100-continue by itself" },
    async run({ origin, port }) {
      origin.behaviour = (request) => {
        request.reply({ status: 417, reason: "Expectation Failed", fields: [["Connection", "close"]] });
        request.close();
      };
      await using client = await RawClient.connect(port);
      client.request({
        method: "POST",
        fields: [
          ["Expect", "100-continue"],
          ["Content-Length", "5"],
        ],
      });
      const reply = await client.read("POST");
      expect([reply.status, reply.informational.length]).toEqual([417, 0]);
    },
  },
  {
    name: "103 Early Hints reaches the client before the reply",
    skip: { serve: "fetch drops 1xx replies" },
    async run({ origin, port }) {
      const gate = new Gate();
      origin.behaviour = async (request) => {
        request.head(103, [["Link", "</a.css>; rel=preload"]], "Early Hints");
        await gate.opened;
        request.reply({ body: "final" });
      };
      await using client = await RawClient.connect(port);
      client.request({});
      const hints = await client.readHead();
      expect([hints.status, hints.header("link")]).toEqual([103, "</a.css>; rel=preload"]);
      gate.open();
      expect((await client.read()).text).toBe("final");
    },
  },
  {
    name: "a 1xx that is lost on this edge does not harm the reply",
    async run({ origin, port }) {
      origin.behaviour = (request) => {
        request.head(103, [["Link", "</a.css>; rel=preload"]], "Early Hints");
        request.reply({ body: "final" });
      };
      expect((await ask(port)).text).toBe("final");
    },
  },
  {
    name: "trailers pass both ways",
    skip: { serve: "Bun.serve refuses chunked requests with trailers and fetch drops those of replies" },
    async run({ origin, port }) {
      let trailers: unknown = null;
      origin.behaviour = async (request) => {
        await request.body.all();
        trailers = request.body.trailers;
        request.head(200, [
          ["Transfer-Encoding", "chunked"],
          ["Trailer", "X-Sum"],
        ]);
        request.write("2\r\nhi\r\n0\r\nX-Sum: 42\r\n\r\n");
      };
      await using client = await RawClient.connect(port);
      client.request({
        method: "POST",
        fields: [
          ["Transfer-Encoding", "chunked"],
          ["Trailer", "X-Up"],
          ["TE", "trailers"],
        ],
      });
      client.send("2\r\nhi\r\n0\r\nX-Up: 7\r\n\r\n");
      expect((await client.read("POST")).trailers).toEqual([["X-Sum", "42"]]);
      expect(trailers).toEqual([["X-Up", "7"]]);
    },
  },
  {
    name: "HTTP/1.0 gets a reply without chunks that ends with the connection",
    skip: { serve: "Bun.serve speaks HTTP/1.1 to HTTP/1.0 clients" },
    async run({ origin, port }) {
      origin.behaviour = (request) => {
        request.head(200, [["Transfer-Encoding", "chunked"]]);
        request.writeChunk("old times");
        request.endChunks();
      };
      await using client = await RawClient.connect(port);
      client.request({ version: "1.0" });
      const reply = await client.read();
      expect([reply.framing.kind, reply.text]).toEqual(["close", "old times"]);
      expect([origin.only.version, origin.only.header("via")]).toEqual(["1.1", "1.0 sluice"]);
    },
  },
  {
    name: "HTTP/1.0 without a Host is served by a route for any host",
    skip: { serve: "Bun.serve refuses a missing Host" },
    async run({ origin, port }) {
      expect((await ask(port, { version: "1.0", host: null })).status).toBe(200);
      expect(origin.requests).toHaveLength(1);
    },
  },
  {
    name: "an absolute target names the host, whatever Host says",
    skip: { serve: "Bun.serve prefers Host to the absolute form" },
    async run({ origin, port }) {
      await ask(port, { target: "http://good.example/x?y", host: "evil.example" });
      expect([origin.only.target, origin.only.header("host")]).toEqual(["/x?y", "good.example"]);
    },
  },
];
