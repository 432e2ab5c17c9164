import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../src/model/gateway-error.ts";
import { CHUNKED, NO_BODY } from "../../src/proxy/http1/body-framing.ts";
import type { RequestHead } from "../../src/proxy/http1/request-head.ts";
import { AMBIGUOUS_HEADS } from "./ambiguous-heads.ts";
import { readRequest, request } from "./read-head.ts";

describe("a request head is refused with", () => {
  for (const { what, text, kind } of AMBIGUOUS_HEADS) {
    test(what, () => {
      const head = readRequest(text);
      expect(head).toBeInstanceOf(GatewayError);
      expect((head as GatewayError).kind).toBe(kind ?? "bad_request");
    });
  }
});

type Facts = Partial<
  Pick<
    RequestHead,
    | "method"
    | "target"
    | "authority"
    | "host"
    | "version"
    | "framing"
    | "keepAlive"
    | "upgrade"
    | "expectContinue"
    | "teTrailers"
  >
>;

const got = (...fields: string[]) =>
  `GET / HTTP/1.1\r\n${["Host: a", ...fields].map((field) => `${field}\r\n`).join("")}\r\n`;
const line = (start: string) => `${start}\r\nHost: a\r\n\r\n`;
const host = (value: string) => `GET / HTTP/1.1\r\nHost: ${value}\r\n\r\n`;

const LEGAL: Array<[what: string, text: string, facts: Facts]> = [
  [
    "the plainest request",
    got(),
    { method: "GET", target: "/", authority: "a", host: "a", version: "1.1", framing: NO_BODY, keepAlive: true },
  ],
  ["an unknown method", line("FOO / HTTP/1.1"), { method: "FOO" }],
  ["a lower-case method, kept", line("get / HTTP/1.1"), { method: "get" }],
  ["a method of odd token characters", line("M-SEARCH!#$%&'*+.^_`|~ / HTTP/1.1"), { method: "M-SEARCH!#$%&'*+.^_`|~" }],
  ["a higher minor version", line("GET / HTTP/1.9"), { version: "1.1" }],
  [
    "dot segments and encoded slashes, kept",
    line("GET /a/../b/%2e%2e/c%2Fd HTTP/1.1"),
    { target: "/a/../b/%2e%2e/c%2Fd" },
  ],
  ["two slashes, kept", line("GET //a//b HTTP/1.1"), { target: "//a//b" }],
  ["raw UTF-8 in the target, byte for byte", line("GET /\xc3\xa4 HTTP/1.1"), { target: "/\xc3\xa4" }],
  ["odd characters in the target", line('GET /a|b"c{d}e<f>g^h`i\\j HTTP/1.1'), { target: '/a|b"c{d}e<f>g^h`i\\j' }],
  ["an empty query", line("GET /? HTTP/1.1"), { target: "/?" }],
  ["a question mark in the query", line("GET /?a?b=/c HTTP/1.1"), { target: "/?a?b=/c" }],
  ["a version in the query", line("GET /?HTTP/1.1 HTTP/1.1"), { target: "/?HTTP/1.1" }],
  ["OPTIONS *", line("OPTIONS * HTTP/1.1"), { target: "*", host: "a" }],
  [
    "absolute-form, which outranks Host",
    line("GET http://B.example:81/x?y HTTP/1.1"),
    { target: "/x?y", authority: "B.example:81", host: "b.example" },
  ],
  ["absolute-form without path", line("GET http://b HTTP/1.1"), { target: "/", host: "b" }],
  ["absolute-form with a query alone", line("GET HTTP://b?x HTTP/1.1"), { target: "/?x", host: "b" }],
  ["absolute-form of https", line("GET https://b/ HTTP/1.1"), { target: "/", host: "b" }],
  [
    "absolute-form of OPTIONS without path",
    line("OPTIONS http://b:8080 HTTP/1.1"),
    { target: "*", authority: "b:8080" },
  ],
  ["absolute-form of OPTIONS with path", line("OPTIONS http://b/ HTTP/1.1"), { target: "/" }],
  ["an absolute URI in the path", line("GET /http://b/ HTTP/1.1"), { target: "/http://b/", host: "a" }],
  ["a host in capitals with port", host("EXAMPLE.com:8080"), { authority: "EXAMPLE.com:8080", host: "example.com" }],
  ["a trailing dot of the host", host("example.com.:80"), { authority: "example.com.:80", host: "example.com" }],
  ["an empty port", host("example.com:"), { host: "example.com" }],
  ["an IPv6 host", host("[2001:DB8::1]:8080"), { authority: "[2001:DB8::1]:8080", host: "[2001:db8::1]" }],
  ["an IPv6 host without port", host("[::1]"), { host: "[::1]" }],
  ["an underscore in the host", host("my_service"), { host: "my_service" }],
  ["HTTP/1.0 without Host", "GET / HTTP/1.0\r\n\r\n", { version: "1.0", authority: "", host: "", keepAlive: false }],
  ["HTTP/1.0 with keep-alive", "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", { keepAlive: true }],
  ["HTTP/1.0 with an absolute target", "GET http://b/ HTTP/1.0\r\n\r\n", { authority: "b", host: "b" }],
  ["Connection: close among others", got("Connection: foo , CLOSE"), { keepAlive: false }],
  ["close and keep-alive", got("Connection: keep-alive, close"), { keepAlive: false }],
  ["close on a second Connection line", got("Connection: keep-alive", "connection: close"), { keepAlive: false }],
  ["a Content-Length", got("Content-Length: 5"), { framing: 5 }],
  ["a Content-Length of zero", got("Content-Length: 0"), { framing: 0 }],
  ["a Content-Length with leading zeros", got("Content-Length: 0005"), { framing: 5 }],
  ["the largest exact Content-Length", got("Content-Length: 9007199254740991"), { framing: 9007199254740991 }],
  ["a Content-Length amid white space", got("Content-Length:\t 5 \t"), { framing: 5 }],
  ["chunked", got("Transfer-Encoding: chunked"), { framing: CHUNKED }],
  ["chunked in capitals, amid white space", got("TRANSFER-ENCODING:\tCHUNKED "), { framing: CHUNKED }],
  ["Content-Length named in Connection", got("Connection: content-length", "Content-Length: 5"), { framing: 5 }],
  [
    "a WebSocket upgrade",
    got("Connection: keep-alive, Upgrade", "Upgrade: WebSocket"),
    { upgrade: "websocket", keepAlive: true },
  ],
  ["an Upgrade that Connection does not name", got("Upgrade: websocket"), { upgrade: null }],
  [
    "an upgrade to h2c, ignored",
    got("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: x"),
    { upgrade: null },
  ],
  ["a choice of upgrades, ignored", got("Connection: Upgrade", "Upgrade: websocket, h2c"), { upgrade: null }],
  [
    "an Upgrade in HTTP/1.0, ignored",
    "GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
    { upgrade: null },
  ],
  ["Expect: 100-continue", got("Expect: 100-Continue", "Content-Length: 5"), { expectContinue: true }],
  ["an unknown Expect", got("Expect: coffee"), { expectContinue: false }],
  [
    "Expect in HTTP/1.0, ignored",
    "POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n",
    { expectContinue: false },
  ],
  ["TE: trailers", got("TE: deflate;q=0.5, Trailers", "Connection: TE"), { teTrailers: true }],
  ["empty lines before the request line", `\r\n\r\n${got()}`, { method: "GET" }],
];

describe("a request head is accepted with", () => {
  for (const [what, text, facts] of LEGAL) {
    test(what, () => expect(request(text)).toMatchObject(facts));
  }
});

describe("the fields of a request", () => {
  const fields = (text: string) => [...request(text).headers];

  test("keep names, order, duplicates and obs-text as they came", () => {
    expect(fields(got("x-A: 1", "X-a:2", "Cookie: a=\xe4; b", "X-Empty:", "X-Tab: a\tb  "))).toEqual([
      ["Host", "a"],
      ["x-A", "1"],
      ["X-a", "2"],
      ["Cookie", "a=\xe4; b"],
      ["X-Empty", ""],
      ["X-Tab", "a\tb"],
    ]);
  });

  test("lose what belongs to the connection, and what Connection names", () => {
    const hop = [
      "Connection: X-One,, te",
      "connection:x-two , Close",
      "Keep-Alive: 5",
      "Proxy-Connection: x",
      "TE: trailers",
      "Upgrade: x",
    ];
    expect(
      fields(got("X-One: 1", ...hop, "X-Two: 2", "X-Three: 3", "Trailer: X", "Transfer-Encoding: chunked")),
    ).toEqual([
      ["Host", "a"],
      ["X-Three", "3"],
      ["Trailer", "X"],
    ]);
  });

  test("keep what Connection must not name", () => {
    const named = got(
      "Connection: host, cookie, content-length, authorization, content-type",
      "Cookie: a",
      "Authorization: b",
      "Content-Length: 0",
    );
    expect(fields(named).map(([name]) => name)).toEqual(["Host", "Cookie", "Authorization", "Content-Length"]);
  });

  test("hold the authority of an absolute target in place of Host", () => {
    expect(fields("GET http://b:1/ HTTP/1.1\r\nX: 1\r\nhoSt: a\r\n\r\n")).toEqual([
      ["X", "1"],
      ["hoSt", "b:1"],
    ]);
  });

  test("of names as long as hop-by-hop names are left alone", () => {
    const lookalikes = [
      "TX: 1",
      "Hose: 1",
      "Expert: 1",
      "Upgrades: 1",
      "Upgrad-: 1",
      "Connectio-: 1",
      "Content+Length: 9",
      "Transfer+Encoding: chunked",
    ];
    expect(fields(got(...lookalikes)).length).toBe(9);
    expect(request(got(...lookalikes)).framing).toBe(NO_BODY);
  });
});
