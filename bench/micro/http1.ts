/** ns per head of the HTTP/1.1 codec: `bun bench/micro/http1.ts`. Compare runs with each other on one machine, not figures. */
import { HeaderMap } from "../../src/model/header-map.ts";
import { ChunkedDecoder } from "../../src/proxy/http1/chunked-decoder.ts";
import { GatewayError } from "../../src/model/gateway-error.ts";
import { HeadScanner } from "../../src/proxy/http1/head-scanner.ts";
import { writeRequestHead, writeResponseHead } from "../../src/proxy/http1/head-writer.ts";
import { parseRequestHead } from "../../src/proxy/http1/request-head.ts";
import { parseResponseHead } from "../../src/proxy/http1/response-head.ts";

const CURL = "GET /hello HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\n\r\n";
const BROWSER =
  "GET /api/v1/users?id=42&sort=name HTTP/1.1\r\nHost: example.com\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:120.0) " +
  "Gecko/20100101 Firefox/120.0\r\nAccept: application/json\r\nAccept-Language: en-US,en;q=0.5\r\nAccept-Encoding: gzip, deflate, br\r\n" +
  "Connection: keep-alive\r\nCookie: sid=abcdef0123456789\r\n\r\n";
const REPLY =
  "HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Sat, 21 Nov 2026 07:00:00 GMT\r\nContent-Type: text/plain\r\nContent-Length: 27\r\n" +
  "Last-Modified: Sat, 21 Nov 2026 06:00:00 GMT\r\nConnection: keep-alive\r\n\r\n";

const LIMITS = { maxHeaderBytes: 32768, maxUriBytes: 8192 };
const OWN = { framing: -1, connection: null, upgrade: null, teTrailers: false } as const;
const scratch = Buffer.allocUnsafe(64 * 1024);
const only = process.argv[2] ?? "";

function bench(name: string, run: () => unknown): void {
  if (!name.includes(only)) return;
  const iterations = 100_000;
  let best = Number.POSITIVE_INFINITY;
  let kept = 0;
  for (let round = 0; round < 8; round++) {
    const from = Bun.nanoseconds();
    for (let i = 0; i < iterations; i++) if (run() !== null) kept++;
    best = Math.min(best, (Bun.nanoseconds() - from) / iterations);
  }
  console.log(`${name.padEnd(44)} ${best.toFixed(0).padStart(6)} ns${kept === 0 ? " !" : ""}`);
}

function accepted<T>(head: T | GatewayError): T {
  if (head instanceof GatewayError) throw new Error(head.detail);
  return head;
}

for (const [name, text] of [
  ["curl", CURL],
  ["browser", BROWSER],
] as const) {
  const bytes = Buffer.from(text);
  const scanner = new HeadScanner({ maxHeadBytes: 32768, emptyLines: "skip" });
  const end = bytes.indexOf("\r\n\r\n");
  const head = accepted(parseRequestHead(bytes, 0, end, LIMITS));
  bench(`scan ${name} ${bytes.length} B`, () => scanner.scan(bytes, 0));
  bench(`latin1Slice ${name}`, () => bytes.latin1Slice(0, end));
  bench(`parse request ${name}`, () => parseRequestHead(bytes, 0, end, LIMITS));
  bench(`write request ${name}`, () => writeRequestHead(scratch, 0, head, OWN));
  const names = [
    ...head.headers.rawNames,
    "X-Forwarded-For",
    "X-Forwarded-Proto",
    "X-Forwarded-Host",
    "X-Request-Id",
    "Via",
  ];
  const values = [...head.headers.rawValues, "127.0.0.1", "http", "example.com", "0123456789abcdef0123", "1.1 sluice"];
  const forwarded = {
    method: head.method,
    target: head.target,
    authority: head.authority,
    headers: new HeaderMap(names, values),
  };
  bench(`write forwarded request ${name}`, () => writeRequestHead(scratch, 0, forwarded, OWN));
  bench(`parse, add five fields, write ${name}`, () => forward(bytes, end));
}

/** What one request costs the codec: strings are fresh each time, as they are in life. */
function forward(bytes: Buffer, end: number): number {
  const head = accepted(parseRequestHead(bytes, 0, end, LIMITS));
  const headers = head.headers.clone();
  headers.rawNames.push("X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Request-Id", "Via");
  headers.rawValues.push("127.0.0.1", "http", head.authority, "0123456789abcdef0123", "1.1 sluice");
  const { method, target, authority } = head;
  return writeRequestHead(scratch, 0, { method, target, authority, headers }, OWN);
}

const reply = Buffer.from(REPLY);
const replyEnd = reply.indexOf("\r\n\r\n");
const replyHead = accepted(parseResponseHead(reply, 0, replyEnd, "GET"));
const own27 = { ...OWN, framing: 27 };
bench(`parse response ${reply.length} B`, () => parseResponseHead(reply, 0, replyEnd, "GET"));
bench("write response", () => writeResponseHead(scratch, 0, replyHead, own27));
bench("parse and write response", () =>
  writeResponseHead(scratch, 0, accepted(parseResponseHead(reply, 0, replyEnd, "GET")), own27),
);

const chunk = Buffer.from(`4000\r\n${"x".repeat(0x4000)}\r\n0\r\n\r\n`);
const sink = { write: () => true };
const chunked = { maxTrailerBytes: 8192, fault: "bad_request" } as const;
bench("decode one 16 KiB chunk", () => new ChunkedDecoder(chunked).feed(chunk, 0, chunk.length, sink));
