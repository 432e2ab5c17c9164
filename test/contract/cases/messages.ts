import { expect } from "bun:test";
import { ask, RawClient } from "../../kit/raw-client.ts";
import type { ContractCase } from "../stage.ts";

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
const STATUSES = [200, 201, 202, 203, 206, 299, 301, 302, 307, 308, 400, 401, 404, 409, 418, 429, 451, 500, 503, 599];

const byMethod = METHODS.map((method): ContractCase => ({
  name: `${method} reaches the origin as ${method} and brings its reply back`,
  async run({ origin, port }) {
    origin.behaviour = (request) => request.reply({ body: `you said ${request.method}` });
    const reply = await ask(port, { method, target: "/m" });
    expect(reply.text).toBe(`you said ${method}`);
    expect(origin.only.target).toBe("/m");
  },
}));

const withBody = ["POST", "PUT", "PATCH", "DELETE"].map((method): ContractCase => ({
  name: `the body of ${method} reaches the origin`,
  async run({ origin, port }) {
    origin.behaviour = async (request) => request.reply({ body: await request.body.all() });
    expect((await ask(port, { method, body: "some body" })).text).toBe("some body");
  },
}));

const byStatus = STATUSES.map((status): ContractCase => ({
  name: `status ${status} comes back with its body and its Location, followed by nobody`,
  async run({ origin, port }) {
    origin.behaviour = (request) =>
      request.reply({ status, fields: [["Location", "http://other.invalid/x"]], body: `it is ${status}` });
    const reply = await ask(port);
    expect([reply.status, reply.text]).toEqual([status, `it is ${status}`]);
    expect(reply.header("location")).toBe("http://other.invalid/x");
    expect(origin.requests).toHaveLength(1);
  },
}));

export const messages: readonly ContractCase[] = [
  ...byMethod,
  ...withBody,
  ...byStatus,
  {
    name: "a method nobody registered goes on as it came",
    skip: { serve: "Bun.serve closes the connection on methods it does not know" },
    async run({ origin, port }) {
      await ask(port, { method: "BREW-coffee", target: "/pot" });
      expect(origin.only.method).toBe("BREW-coffee");
    },
  },
  {
    name: "PROPFIND goes on as it came",
    async run({ origin, port }) {
      await ask(port, { method: "PROPFIND", target: "/dav" });
      expect(origin.only.method).toBe("PROPFIND");
    },
  },
  {
    name: "a reason phrase nobody registered comes back",
    skip: { serve: "Bun.serve writes its own reason phrases" },
    async run({ origin, port }) {
      origin.behaviour = (request) => request.reply({ status: 299, reason: "Quite Fine" });
      expect((await ask(port)).reason).toBe("Quite Fine");
    },
  },
  {
    name: "204 has no body, no length, and the connection goes on",
    async run({ origin, port }) {
      origin.behaviour = (request) => request.reply({ status: 204, reason: "No Content", body: null });
      await using client = await RawClient.connect(port);
      client.request({ target: "/1" });
      const reply = await client.read();
      expect([reply.status, reply.header("content-length"), reply.header("transfer-encoding")]).toEqual([
        204,
        null,
        null,
      ]);
      client.request({ target: "/2" });
      expect((await client.read()).status).toBe(204);
      expect(client.stream.unread.length).toBe(0);
    },
  },
  {
    name: "304 keeps the length and validators of what it stands for and has no body",
    async run({ origin, port }) {
      origin.behaviour = (request) =>
        request.reply({
          status: 304,
          reason: "Not Modified",
          body: null,
          fields: [
            ["ETag", '"v1"'],
            ["Content-Length", "1234"],
          ],
        });
      await using client = await RawClient.connect(port);
      client.request({ fields: [["If-None-Match", '"v1"']] });
      const reply = await client.read();
      expect([reply.status, reply.header("etag"), reply.body.length]).toEqual([304, '"v1"', 0]);
      expect(origin.only.header("if-none-match")).toBe('"v1"');
      client.request({ target: "/again" });
      expect((await client.read()).status).toBe(304);
    },
  },
  {
    name: "304 says the length that the origin said",
    async run({ origin, port }) {
      origin.behaviour = (request) =>
        request.reply({ status: 304, reason: "Not Modified", body: null, fields: [["Content-Length", "1234"]] });
      expect((await ask(port)).header("content-length")).toBe("1234");
    },
  },
  {
    name: "HEAD brings the length that GET would have, and no body",
    async run({ origin, port }) {
      origin.behaviour = (request) => request.reply({ body: "x".repeat(4321) });
      await using client = await RawClient.connect(port);
      client.request({ method: "HEAD" });
      const reply = await client.read("HEAD");
      expect([reply.status, reply.header("content-length"), reply.body.length]).toEqual([200, "4321", 0]);
      expect(origin.only.method).toBe("HEAD");
      client.request({ method: "GET", target: "/then" });
      expect((await client.read()).body.length).toBe(4321);
    },
  },
  {
    name: "HEAD without a length gets none invented",
    skip: { serve: "Bun.serve adds content-length: 0 to HEAD replies without a length" },
    async run({ origin, port }) {
      origin.behaviour = (request) => request.head(200, [["Transfer-Encoding", "chunked"]]);
      expect((await ask(port, { method: "HEAD" })).header("content-length")).toBeNull();
    },
  },
  {
    name: "206 and its ranges pass both ways",
    async run({ origin, port }) {
      origin.behaviour = (request) =>
        request.reply({
          status: 206,
          reason: "Partial Content",
          body: "bcd",
          fields: [["Content-Range", "bytes 1-3/9"]],
        });
      const reply = await ask(port, {
        fields: [
          ["Range", "bytes=1-3"],
          ["If-Range", '"v"'],
        ],
      });
      expect([reply.status, reply.header("content-range"), reply.text]).toEqual([206, "bytes 1-3/9", "bcd"]);
      expect([origin.only.header("range"), origin.only.header("if-range")]).toEqual(["bytes=1-3", '"v"']);
    },
  },
  {
    name: "OPTIONS * is about the server and goes on as it is",
    skip: { serve: "Bun.serve answers OPTIONS * with 400" },
    async run({ origin, port }) {
      expect((await ask(port, { method: "OPTIONS", target: "*" })).status).toBe(200);
      expect(origin.only.target).toBe("*");
    },
  },
  {
    name: "CONNECT is refused and never reaches an origin",
    async run({ origin, port }) {
      await using client = await RawClient.connect(port);
      client.request({ method: "CONNECT", target: "evil.invalid:443", host: "evil.invalid:443" });
      const status = await client.read("CONNECT").then(
        (reply) => reply.status,
        () => 400,
      );
      expect(status).toBeGreaterThanOrEqual(400);
      expect(origin.requests).toHaveLength(0);
    },
  },
];
