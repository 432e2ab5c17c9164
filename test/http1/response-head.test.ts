import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../src/model/gateway-error.ts";
import { CHUNKED, NO_BODY, UNTIL_CLOSE } from "../../src/proxy/http1/body-framing.ts";
import type { ResponseHead } from "../../src/proxy/http1/response-head.ts";
import { readResponse, response } from "./read-head.ts";

type Facts = Partial<Pick<ResponseHead, "status" | "reason" | "minor" | "framing" | "keepAlive" | "upgrade">>;

const replied = (status: string, ...fields: string[]) =>
  `${status}\r\n${fields.map((field) => `${field}\r\n`).join("")}\r\n`;
const ok = (...fields: string[]) => replied("HTTP/1.1 200 OK", ...fields);

const LEGAL: Array<[what: string, text: string, facts: Facts]> = [
  ["a length", ok("Content-Length: 5"), { status: 200, reason: "OK", minor: 1, framing: 5, keepAlive: true }],
  ["chunked", ok("Transfer-Encoding: Chunked"), { framing: CHUNKED, keepAlive: true }],
  ["neither, until close", ok(), { framing: UNTIL_CLOSE, keepAlive: false }],
  ["a reason of several words", replied("HTTP/1.1 404 Not  Found at all"), { reason: "Not  Found at all" }],
  ["a reason in obs-text", replied("HTTP/1.1 404 \xe4"), { reason: "\xe4" }],
  ["an empty reason", replied("HTTP/1.1 200 "), { status: 200, reason: "" }],
  ["no reason and no space", replied("HTTP/1.1 200"), { status: 200, reason: "" }],
  ["a status nobody registered", replied("HTTP/1.1 999 X"), { status: 999 }],
  ["HTTP/1.0", replied("HTTP/1.0 200 OK", "Content-Length: 5"), { minor: 0, framing: 5, keepAlive: false }],
  [
    "HTTP/1.0 with keep-alive",
    replied("HTTP/1.0 200 OK", "Content-Length: 5", "Connection: keep-alive"),
    { keepAlive: true },
  ],
  ["Connection: close", ok("Content-Length: 5", "Connection: close"), { keepAlive: false }],
  ["100", replied("HTTP/1.1 100 Continue"), { status: 100, framing: NO_BODY, keepAlive: true }],
  ["103 with fields", replied("HTTP/1.1 103 Early Hints", "Link: </a>"), { status: 103, framing: NO_BODY }],
  ["204", replied("HTTP/1.1 204 No Content"), { framing: NO_BODY, keepAlive: true }],
  [
    "204 with a length",
    replied("HTTP/1.1 204 No Content", "Content-Length: 5"),
    { framing: NO_BODY, keepAlive: false },
  ],
  [
    "204 with a length of zero",
    replied("HTTP/1.1 204 No Content", "Content-Length: 0"),
    { framing: NO_BODY, keepAlive: true },
  ],
  [
    "204 with chunked",
    replied("HTTP/1.1 204 No Content", "Transfer-Encoding: chunked"),
    { framing: NO_BODY, keepAlive: false },
  ],
  [
    "304 with a length",
    replied("HTTP/1.1 304 Not Modified", "Content-Length: 5"),
    { framing: NO_BODY, keepAlive: true },
  ],
  [
    "101",
    replied("HTTP/1.1 101 Switching Protocols", "Connection: upgrade", "Upgrade: WebSocket"),
    { status: 101, upgrade: "websocket" },
  ],
  [
    "426",
    replied("HTTP/1.1 426 Upgrade Required", "Connection: upgrade", "Upgrade: foo/2", "Content-Length: 0"),
    { upgrade: "foo/2" },
  ],
  ["an Upgrade in a 200", ok("Connection: upgrade", "Upgrade: foo", "Content-Length: 0"), { upgrade: null }],
];

describe("a response head is accepted with", () => {
  for (const [what, text, facts] of LEGAL) test(what, () => expect(response(text)).toMatchObject(facts));
});

test("a response to HEAD has no body and keeps its Content-Length", () => {
  const head = response(ok("Content-Length: 5"), "HEAD");
  expect(head.framing).toBe(NO_BODY);
  expect(head.keepAlive).toBe(true);
  expect([...head.headers]).toEqual([["Content-Length", "5"]]);
  expect(response(ok("Transfer-Encoding: chunked"), "HEAD").framing).toBe(NO_BODY);
});

test("a response keeps Set-Cookie lines and loses hop-by-hop fields and what Connection names", () => {
  const fields = [
    "Set-Cookie: a=1",
    "Connection: X-One",
    "x-one: 1",
    "Keep-Alive: 5",
    "set-cookie: b=2",
    "Transfer-Encoding: chunked",
    "Host: h",
  ];
  expect([...response(ok(...fields)).headers]).toEqual([
    ["Set-Cookie", "a=1"],
    ["set-cookie", "b=2"],
    ["Host", "h"],
  ]);
});

test("a 204 and a 1xx lose their Content-Length", () => {
  expect(response(replied("HTTP/1.1 204 No Content", "Content-Length: 0", "X: 1")).headers.rawNames).toEqual(["X"]);
  expect(response(replied("HTTP/1.1 100 Continue", "Content-Length: 3")).headers.size).toBe(0);
});

const AMBIGUOUS: Array<[what: string, text: string]> = [
  ["Content-Length and chunked", ok("Content-Length: 5", "Transfer-Encoding: chunked")],
  ["Content-Length and chunked to a 204", replied("HTTP/1.1 204 x", "Content-Length: 5", "Transfer-Encoding: chunked")],
  ["two Content-Lengths", ok("Content-Length: 5", "Content-Length: 5")],
  ["a list of Content-Lengths", ok("Content-Length: 5, 5")],
  ["gzip, chunked", ok("Transfer-Encoding: gzip, chunked")],
  ["identity", ok("Transfer-Encoding: identity")],
  ["chunked in HTTP/1.0", replied("HTTP/1.0 200 OK", "Transfer-Encoding: chunked")],
  ["a space before the colon", ok("Content-Length : 5")],
  ["a folded line", ok("X: a", " b")],
  ["a bare LF", ok("X: a\nY: b")],
  ["a bare CR", ok("X: a\rY: b")],
  ["NUL in a value", ok("X: \x00")],
  ["NUL in the reason", replied("HTTP/1.1 200 \x00")],
  ["a bare CR in the reason", replied("HTTP/1.1 200 a\rb")],
  ["two digits of status", replied("HTTP/1.1 20 OK")],
  ["four digits of status", replied("HTTP/1.1 2000 OK")],
  ["a status below 100", replied("HTTP/1.1 099 OK")],
  ["a status with a sign", replied("HTTP/1.1 +20 OK")],
  ["two spaces before the status", replied("HTTP/1.1  200 OK")],
  ["HTTP/2.0", replied("HTTP/2.0 200 OK")],
  ["HTTP/0.9", replied("HTTP/0.9 200 OK")],
  ["ICY", replied("ICY 200 OK")],
  ["an empty line first", `\r\n${ok()}`],
  ["no status line at all", "<html>\r\n\r\n"],
  ["a request", "GET / HTTP/1.1\r\n\r\n"],
  ["300 fields", ok(...Array.from({ length: 300 }, () => "X: 1"))],
];

describe("a response head is refused with", () => {
  for (const [what, text] of AMBIGUOUS) {
    test(what, () => {
      const head = readResponse(text);
      expect(head).toBeInstanceOf(GatewayError);
      expect((head as GatewayError).kind).toBe("upstream_bad_response");
    });
  }
});
