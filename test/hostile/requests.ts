/** Requests that two recipients could read differently, or that ask for more than anyone should give. */
export interface HostileRequest {
  readonly name: string;
  readonly bytes: string;
  /** What the gateway may answer; "closed" is a connection that ends without an answer. */
  readonly answers: readonly (number | "closed")[];
  /** Where an edge answers otherwise, and why that is no harm. */
  readonly serve?: { readonly answers: readonly (number | "closed")[]; readonly why: string };
  /** It goes on in one reading, which is checked for the second request that hides in it. */
  readonly mayPass?: true;
}

const REFUSED = [400] as const;
const refused = (name: string, bytes: string): HostileRequest => ({ name, bytes, answers: REFUSED });
const post = (...fields: string[]) => `POST /a HTTP/1.1\r\nHost: h\r\n${fields.map((f) => `${f}\r\n`).join("")}\r\n`;
const get = (...fields: string[]) => `GET /a HTTP/1.1\r\nHost: h\r\n${fields.map((f) => `${f}\r\n`).join("")}\r\n`;
const HIDDEN = "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n";
const silent = (request: HostileRequest, why: string): HostileRequest => ({
  ...request,
  serve: { answers: [...new Set([...request.answers, 505, "closed"] as const)], why },
});

const framing: HostileRequest[] = [
  refused("Content-Length and chunked", `${post("Content-Length: 4", "Transfer-Encoding: chunked")}0\r\n\r\n${HIDDEN}`),
  refused("chunked and Content-Length", `${post("Transfer-Encoding: chunked", "Content-Length: 4")}0\r\n\r\n${HIDDEN}`),
  refused("two different Content-Lengths", `${post("Content-Length: 0", "Content-Length: 38")}${HIDDEN}`),
  silent(
    refused("two equal Content-Lengths", `${post("Content-Length: 2", "Content-Length: 2")}hi`),
    "Bun.serve shows them joined, and the gateway refuses what it cannot read as one number",
  ),
  ...[
    "xchunked",
    "chunked, identity",
    "identity, chunked",
    "gzip, chunked",
    "chunked, chunked",
    "chunked;q=1",
    "identity",
  ].map((coding) => refused(`Transfer-Encoding: ${coding}`, `${post(`Transfer-Encoding: ${coding}`)}0\r\n\r\n`)),
  refused("Transfer-Encoding behind a vertical tab", `${post("Transfer-Encoding: \x0bchunked")}0\r\n\r\n`),
  refused("Transfer-Encoding twice", `${post("Transfer-Encoding: chunked", "Transfer-Encoding: chunked")}0\r\n\r\n`),
  refused("a space before the colon of Transfer-Encoding", `${post("Transfer-Encoding : chunked")}0\r\n\r\n`),
  refused("a tab before the colon of Content-Length", `${post("Content-Length\t: 2")}hi`),
  refused("Transfer-Encoding in a folded line", `${post("X: y", " Transfer-Encoding: chunked")}0\r\n\r\n`),
  refused("a folded Transfer-Encoding value", `${post("Transfer-Encoding:", " chunked")}0\r\n\r\n`),
  ...["-1", "+2", "0x2", "2, 2", "2 2", "1e1", "99999999999999999999", "٣", ""].map((length) =>
    refused(
      `Content-Length: ${length || "(empty)"}`,
      `${post(`Content-Length: ${Buffer.from(length).toString("latin1")}`)}hi`,
    ),
  ),
  refused("chunked in HTTP/1.0", `POST /a HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`),
];

const chunks = (
  [
    ["a size of letters", "zz\r\nhi\r\n0\r\n\r\n"],
    ["a negative size", "-2\r\nhi\r\n0\r\n\r\n"],
    ["a plus sign", "+2\r\nhi\r\n0\r\n\r\n"],
    ["0x before the size", "0x2\r\nhi\r\n0\r\n\r\n"],
    ["a huge size", "ffffffffffffffff1\r\nhi\r\n0\r\n\r\n"],
    ["a size that wraps 64 bits", "10000000000000002\r\nhi\r\n0\r\n\r\n"],
    ["a space before the size", " 2\r\nhi\r\n0\r\n\r\n"],
    ["data longer than the size", "2\r\nhiho\r\n0\r\n\r\n"],
    ["a bare LF after the size", "2\nhi\r\n0\r\n\r\n"],
    ["a bare LF after the data", "2\r\nhi\n0\r\n\r\n"],
    ["a bare LF inside an extension", `2;x\nhi\r\n0\r\n\r\n`],
    ["a bare CR after the size", "2\rhi\r\n0\r\n\r\n"],
    ["an empty size", "\r\nhi\r\n0\r\n\r\n"],
  ] as const
).map(([what, body]) => refused(`a chunk with ${what}`, `${post("Transfer-Encoding: chunked")}${body}`));

const heads: HostileRequest[] = [
  refused("a space before the colon", get("X-A : 1")),
  refused("a folded line", get("X-A: 1", " folded")),
  refused("an empty field name", get(": 1")),
  refused("a field line without a colon", get("X-A")),
  refused("NUL in a value", get("X-A: a\0b")),
  refused("NUL in a name", get("X\0A: a")),
  refused("a bare CR in a value", get("X-A: a\rX-B: b")),
  { ...refused("bare LF between lines", "GET /a HTTP/1.1\nHost: h\n\n"), answers: [400, 505] },
  refused("a bare LF inside a head", get("X-A: a\nX-B: b")),
  refused("no Host", "GET /a HTTP/1.1\r\n\r\n"),
  refused("two Hosts", get("Host: evil")),
  refused("two equal Hosts", get("Host: h")),
  refused("a Host with a user", "GET /a HTTP/1.1\r\nHost: u@h\r\n\r\n"),
  refused("a Host with a path", "GET /a HTTP/1.1\r\nHost: h/evil\r\n\r\n"),
  refused("a Host with a space", "GET /a HTTP/1.1\r\nHost: a b\r\n\r\n"),
  refused("a Host with a bad port", "GET /a HTTP/1.1\r\nHost: h:99999x\r\n\r\n"),
  refused("an empty Host", "GET /a HTTP/1.1\r\nHost:\r\n\r\n"),
  refused("a target with a space", "GET /a b HTTP/1.1\r\nHost: h\r\n\r\n"),
  refused("a target that is no path", "GET a HTTP/1.1\r\nHost: h\r\n\r\n"),
  refused("a target with a fragment", "GET /a#b HTTP/1.1\r\nHost: h\r\n\r\n"),
  refused("a target with a control byte", "GET /a\x01b HTTP/1.1\r\nHost: h\r\n\r\n"),
  refused("two spaces in the request line", "GET  /a HTTP/1.1\r\nHost: h\r\n\r\n"),
  refused("a request line without a version", "GET /a\r\nHost: h\r\n\r\n"),
  { ...refused("a version nobody speaks", "GET /a HTTP/3.7\r\nHost: h\r\n\r\n"), answers: [400, 505] },
  refused("a lower-case version", "GET /a http/1.1\r\nHost: h\r\n\r\n"),
  { ...refused("an HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), answers: [400, 505] },
  refused("a method with a colon", "GE:T /a HTTP/1.1\r\nHost: h\r\n\r\n"),
  refused("TLS to a cleartext port", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03aaaaaaaa\r\n\r\n"),
  { name: "a head of a megabyte", bytes: get(`X-A: ${"a".repeat(1 << 20)}`), answers: [431, "closed"] },
  {
    name: "ten thousand fields",
    bytes: get(...Array.from({ length: 10_000 }, (_, i) => `X-${i}: y`)),
    answers: [431, 400, "closed"],
  },
  {
    name: "a target of a megabyte",
    bytes: `GET /${"a".repeat(1 << 20)} HTTP/1.1\r\nHost: h\r\n\r\n`,
    answers: [414, 431, "closed"],
  },
].map((request) =>
  silent(
    request as HostileRequest,
    "Bun.serve closes on some of these without a word, and calls a bad request line an unknown version",
  ),
);

/** One reading, and a second request where somebody lenient would look for it. */
const smuggling: HostileRequest[] = [
  {
    name: "a request hidden in the body of a GET",
    bytes: `${get(`Content-Length: ${HIDDEN.length}`, "Connection: close")}${HIDDEN}`,
    answers: [200, 400],
    mayPass: true,
  },
  {
    name: "a request after Connection: close",
    bytes: `${get("Connection: close")}${HIDDEN}`,
    answers: [200],
    serve: { answers: [200, 400, "closed"], why: "Bun.serve refuses pipelined requests" },
    mayPass: true,
  },
  {
    name: "Content-Length named in Connection",
    bytes: `${post("Connection: content-length, close", `Content-Length: ${HIDDEN.length}`)}${HIDDEN}`,
    answers: [200, 400],
    mayPass: true,
  },
  {
    name: "Transfer-Encoding named in Connection",
    bytes: `${post("Connection: transfer-encoding, close", "Transfer-Encoding: chunked")}${HIDDEN.length.toString(16)}\r\n${HIDDEN}\r\n0\r\n\r\n`,
    answers: [200, 400],
    mayPass: true,
  },
  {
    name: "a request hidden in an upgrade that nobody accepts",
    bytes: `${get("Upgrade: h2c", "Connection: Upgrade, close", "HTTP2-Settings: AAA")}${HIDDEN}`,
    answers: [200, 400],
    serve: { answers: [200, 400, "closed"], why: "Bun.serve refuses pipelined requests" },
    mayPass: true,
  },
  {
    name: "Host named in Connection",
    bytes: get("Connection: host, close"),
    answers: [200, 400],
    mayPass: true,
  },
];

export const HOSTILE: readonly HostileRequest[] = [...framing, ...chunks, ...heads, ...smuggling];
