import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { GatewayError } from "../../src/model/gateway-error.ts";
import { HeadScanner } from "../../src/proxy/http1/head-scanner.ts";
import type { RequestHead } from "../../src/proxy/http1/request-head.ts";
import { AMBIGUOUS_HEADS } from "./ambiguous-heads.ts";
import { cut, type Read, readRequestPieces } from "./read-head.ts";

/** What must not depend on how the bytes were cut. */
function reading(head: Read<RequestHead>): unknown {
  if (head === null) return "incomplete";
  if (head instanceof GatewayError) return "refused";
  return { ...head, headers: [...head.headers] };
}

const each = (bytes: Buffer) => Array.from(bytes, (_, i) => i);

describe("however a head is cut, it reads the same:", () => {
  const legal =
    "\r\nPOST http://b/x HTTP/1.1\r\nHost: a\r\nConnection: X, close\r\nX: 1\r\nContent-Length: 5\r\n\r\nhello";

  test("a legal one", () => {
    const bytes = Buffer.from(legal, "latin1");
    const whole = reading(readRequestPieces([bytes]));
    expect(whole).toMatchObject({ target: "/x", framing: 5 });
    for (let at = 0; at <= bytes.length; at++) expect(reading(readRequestPieces(cut(bytes, [at])))).toEqual(whole);
    expect(reading(readRequestPieces(cut(bytes, each(bytes))))).toEqual(whole);
  });

  test("every ambiguous one", () => {
    for (const { text } of AMBIGUOUS_HEADS) {
      const bytes = Buffer.from(text, "latin1");
      if (bytes.length > 2000) continue;
      expect(reading(readRequestPieces(cut(bytes, each(bytes))))).toBe("refused");
    }
  });

  test("anything at all", () => {
    const parts = fc.array(
      fc.oneof(
        fc.constantFrom(
          "GET / HTTP/1.1\r\n",
          "Host: a\r\n",
          "X: 1\r\n",
          "\r\n",
          "\r",
          "\n",
          ": ",
          " ",
          "Content-Length: 1\r\n",
          "Transfer-Encoding: chunked\r\n",
        ),
        fc.string({ unit: "binary", maxLength: 3 }),
      ),
      { maxLength: 10 },
    );
    fc.assert(
      fc.property(parts, fc.array(fc.nat(200)), (texts, places) => {
        const bytes = Buffer.from(texts.join(""), "latin1");
        const whole = reading(readRequestPieces([bytes]));
        expect(reading(readRequestPieces(cut(bytes, places)))).toEqual(whole);
        expect(reading(readRequestPieces(cut(bytes, each(bytes))))).toEqual(whole);
      }),
      { numRuns: 2000 },
    );
  });
});

test("a head may start anywhere in the bytes, and another may follow", () => {
  const scanner = new HeadScanner({ maxHeadBytes: 100, emptyLines: "skip" });
  const bytes = Buffer.from("xx\r\nA\r\n\r\nB\r\n\r\n");
  expect(scanner.scan(bytes, 2)).toBe(5);
  expect(scanner.start).toBe(4);
  expect(scanner.scan(bytes, 9)).toBe(10);
  expect(scanner.start).toBe(9);
});

test("a head of exactly the limit passes, one byte more does not, whether its end has come or not", () => {
  const scan = (text: string) => new HeadScanner({ maxHeadBytes: 10, emptyLines: "skip" }).scan(Buffer.from(text), 0);
  expect(scan(`${"a".repeat(10)}\r\n\r\n`)).toBe(10);
  expect(scan(`${"a".repeat(11)}\r\n\r\n`)).toBeInstanceOf(GatewayError);
  expect(scan("a".repeat(14))).toBeInstanceOf(GatewayError);
  expect(scan(`${"a".repeat(10)}\r\n\r`)).toBe(-1);
});
