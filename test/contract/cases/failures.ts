import { expect } from "bun:test";
import { freePort } from "../../kit/free-port.ts";
import type { FieldList } from "../../kit/http-message.ts";
import { ask, type FullReply, RawClient, readTruncated } from "../../kit/raw-client.ts";
import type { OriginRequest } from "../../kit/raw-origin.ts";
import type { ContractCase, Stage } from "../stage.ts";

/** RFC 9457 body, RFC 9209 field, request id: the same shape for everything that fails. */
function expectFailure(reply: FullReply, status: number, code: string): void {
  expect([reply.status, reply.header("content-type")?.split(";")[0]]).toEqual([status, "application/problem+json"]);
  const problem = reply.json();
  expect(problem).toMatchObject({ status, code, requestId: reply.header("x-request-id") });
  expect([typeof problem["type"], typeof problem["title"]]).toEqual(["string", "string"]);
  expect(reply.header("proxy-status")).toMatch(/^sluice; error=[a-z_]+/);
  expect(reply.text).not.toMatch(/127\.0\.0\.1|\/work\/|\.ts\b|at .*\(/);
}

const impatient = (stage: Stage) =>
  stage.gateway({ upstreams: [{ name: "origin", url: stage.origin.url, timeouts: { firstByte: 300, idle: 300 } }] });

const GARBAGE = [
  ["no HTTP at all", "what is this\r\n\r\n"],
  ["a bad version", "HTTP/9.9 200 OK\r\nContent-Length: 2\r\n\r\nhi"],
  ["a status of letters", "HTTP/1.1 abc OK\r\nContent-Length: 2\r\n\r\nhi"],
  ["a negative length", "HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nhi"],
  ["two different lengths", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhi!"],
] as const;

export const failures: readonly ContractCase[] = [
  ...(["close", "reset"] as const).map((how): ContractCase => ({
    name: `an origin that goes away before it answers (${how}) is 502 upstream_reset`,
    async run({ origin, port }) {
      origin.behaviour = (request) => request[how]();
      expectFailure(await ask(port, { method: "POST", body: "x" }), 502, "upstream_reset");
      expect(origin.requests).toHaveLength(1);
    },
  })),
  {
    name: "a refused connection is 502 upstream_connect_failed",
    async run(stage) {
      const { port } = await stage.gateway({
        upstreams: [{ name: "origin", url: `http://127.0.0.1:${await freePort()}` }],
      });
      expectFailure(await ask(port), 502, "upstream_connect_failed");
    },
  },
  {
    name: "a name that does not exist is 502 upstream_connect_failed",
    async run(stage) {
      const { port } = await stage.gateway({ upstreams: [{ name: "origin", url: "http://nowhere.invalid" }] });
      expectFailure(await ask(port), 502, "upstream_connect_failed");
    },
  },
  {
    name: "an origin that never answers is 504 upstream_timeout, and its request is given up",
    async run(stage) {
      const { port } = await impatient(stage);
      stage.origin.behaviour = (request) => request.aborted.then(() => undefined);
      expectFailure(await ask(port, { method: "POST", body: "x" }), 504, "upstream_timeout");
      expect(await stage.origin.only.aborted).toBeOneOf(["fin", "rst"]);
    },
  },
  {
    name: "an origin that falls silent in the middle of a reply cuts the client off",
    async run(stage) {
      const { port } = await impatient(stage);
      stage.origin.behaviour = (request) => {
        request.head(200, [["Content-Length", "100"]]);
        request.write("half");
        return request.aborted.then(() => undefined);
      };
      await using client = await RawClient.connect(port);
      client.request({});
      expect(await readTruncated(client)).toBeOneOf(["fin", "rst"]);
      expect(await stage.origin.only.aborted).toBeOneOf(["fin", "rst"]);
    },
  },
  ...GARBAGE.map(([what, bytes]): ContractCase => ({
    name: `a reply that is garbage (${what}) is 502 upstream_bad_response`,
    async run({ origin, port }) {
      origin.behaviour = (request: OriginRequest) => {
        request.write(bytes);
        request.end();
      };
      expectFailure(await ask(port, { method: "POST", body: "x" }), 502, "upstream_bad_response");
    },
  })),
  {
    name: "nothing that matches is 404 no_route",
    async run(stage) {
      const { port } = await stage.gateway({ routes: [{ path: "/only", upstream: "origin" }] });
      expectFailure(await ask(port, { target: "/other" }), 404, "no_route");
      expect(stage.origin.requests).toHaveLength(0);
    },
  },
  ...(
    [
      ["says so", [["Content-Length", "2000"]]],
      ["comes in chunks", [["Transfer-Encoding", "chunked"]]],
    ] as Array<[string, FieldList]>
  ).map(([how, fields]): ContractCase => ({
    name: `a body over the limit that ${how} is 413 body_too_large`,
    async run(stage) {
      const { port } = await stage.gateway({ limits: { maxBodySize: 1000 } });
      stage.origin.behaviour = async (request) => {
        await request.body.all();
        request.reply();
      };
      await using client = await RawClient.connect(port);
      client.request({ method: "POST", fields });
      client.send(how === "says so" ? "x".repeat(2000) : `7d0\r\n${"x".repeat(2000)}\r\n0\r\n\r\n`);
      expectFailure(await client.read("POST"), 413, "body_too_large");
    },
  })),
  {
    name: "a body at the limit passes",
    async run(stage) {
      const { port } = await stage.gateway({ limits: { maxBodySize: 1000 } });
      expect((await ask(port, { method: "POST", body: "x".repeat(1000) })).status).toBe(200);
    },
  },
  {
    name: "a route's own body limit wins",
    async run(stage) {
      const { port } = await stage.gateway({
        limits: { maxBodySize: 10 },
        routes: [{ path: "/*", upstream: "origin", maxBodySize: "1kb" }],
      });
      expect((await ask(port, { method: "POST", body: "x".repeat(1000) })).status).toBe(200);
      expect((await ask(port, { method: "POST", body: "x".repeat(1025) })).status).toBe(413);
    },
  },
  {
    name: "a head over 20 KB is 431 and never reaches the origin",
    async run({ origin, port }) {
      const reply = await ask(port, { fields: [["X-Huge", "x".repeat(20_000)]] });
      expect(reply.status).toBe(431);
      expect(origin.requests).toHaveLength(0);
    },
  },
  {
    name: "a head over the configured limit is 431 header_too_large",
    async run(stage) {
      const { port } = await stage.gateway({ limits: { maxHeaderBytes: "4kb" } });
      expectFailure(await ask(port, { fields: [["X-Big", "x".repeat(5000)]] }), 431, "header_too_large");
    },
  },
  {
    name: "a target over the configured limit is 414 uri_too_long",
    async run(stage) {
      const { port } = await stage.gateway({ limits: { maxUriBytes: "1kb" } });
      expectFailure(await ask(port, { target: `/${"x".repeat(2000)}` }), 414, "uri_too_long");
    },
  },
];
