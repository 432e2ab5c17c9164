import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { HeaderMap } from "../../src/model/header-map.ts";
import { ChunkedDecoder } from "../../src/proxy/http1/chunked-decoder.ts";
import {
  CHUNK_END,
  CHUNK_HEADER_BYTES,
  writeChunkHeader,
  writeLastChunk,
} from "../../src/proxy/http1/chunked-encoder.ts";
import { TOO_SMALL, UNSAFE } from "../../src/proxy/http1/written.ts";
import { cut } from "./read-head.ts";

interface Decoded {
  readonly data: string;
  readonly trailers: Array<[string, string]> | null;
  readonly state: "done" | "failed" | "more";
  /** Octets after the body. */
  readonly rest: string;
}

function decode(pieces: readonly Buffer[], maxTrailerBytes = 1024): Decoded {
  const decoder = new ChunkedDecoder({ maxTrailerBytes, fault: "bad_request" });
  const data: Buffer[] = [];
  const out = { write: (chunk: Uint8Array) => data.push(Buffer.from(chunk)) > 0 };
  let rest = "";
  for (const piece of pieces) {
    const at = decoder.failure === null ? decoder.feed(piece, 0, piece.length, out) : piece.length;
    if (decoder.done) rest += piece.latin1Slice(at, piece.length);
  }
  const state = decoder.done ? "done" : decoder.failure === null ? "more" : "failed";
  return {
    data: Buffer.concat(data).toString("latin1"),
    trailers: decoder.trailers && [...decoder.trailers],
    state,
    rest,
  };
}

const decodeText = (text: string, limit?: number) => decode([Buffer.from(text, "latin1")], limit);

describe("a chunked body is understood with", () => {
  const LEGAL: Array<[what: string, text: string, data: string]> = [
    ["no chunk", "0\r\n\r\n", ""],
    ["one chunk", "5\r\nhello\r\n0\r\n\r\n", "hello"],
    ["several chunks", "1\r\na\r\n2\r\nbc\r\n0\r\n\r\n", "abc"],
    [
      "sizes in both cases",
      `A\r\n${"x".repeat(10)}\r\na\r\n${"y".repeat(10)}\r\n0\r\n\r\n`,
      "x".repeat(10) + "y".repeat(10),
    ],
    ["leading zeros", "0005\r\nhello\r\n000\r\n\r\n", "hello"],
    ["extensions", '5;a=b;c="d e"\r\nhello\r\n0;x\r\n\r\n', "hello"],
    ["white space before an extension", "5 \t;a\r\nhello\r\n0\r\n\r\n", "hello"],
    ["CR LF in the data", "4\r\n\r\n\r\n\r\n0\r\n\r\n", "\r\n\r\n"],
  ];
  for (const [what, text, data] of LEGAL) {
    test(what, () => expect(decodeText(text)).toEqual({ data, trailers: null, state: "done", rest: "" }));
  }
});

describe("a chunked body is refused with", () => {
  const MALFORMED: Array<[what: string, text: string]> = [
    ["no size", "\r\nhello\r\n0\r\n\r\n"],
    ["a size that is no number", "g\r\n"],
    ["0x before the size", "0x5\r\nhello\r\n"],
    ["a plus sign", "+5\r\nhello\r\n"],
    ["a minus sign", "-5\r\nhello\r\n"],
    ["a space before the size", " 5\r\nhello\r\n"],
    ["a space after the size", "5 \r\nhello\r\n"],
    ["an underscore in the size", "1_0\r\n"],
    ["a size over 2^53", "20000000000000\r\n"],
    ["a size that wraps to 5 in 64 bits", "10000000000000005\r\n"],
    ["zeros without end", "00000000000000000\r\n"],
    ["a bare LF after the size", "5\nhello\r\n0\r\n\r\n"],
    ["a bare CR after the size", "5\rhello\r\n0\r\n\r\n"],
    ["a bare LF in an extension", "5;a\nhello\r\n0\r\n\r\n"],
    ["a bare CR in an extension", "5;a\rb\r\nhello\r\n0\r\n\r\n"],
    ["NUL in an extension", "5;a\x00\r\nhello\r\n0\r\n\r\n"],
    ["NUL in the size", "5\x00\r\nhello\r\n"],
    ["data longer than its size", "5\r\nhello!\r\n0\r\n\r\n"],
    ["data shorter than its size", "6\r\nhello\r\n0\r\n\r\n"],
    ["a bare LF after data", "5\r\nhello\n0\r\n\r\n"],
    ["a bare CR after data", "5\r\nhello\r0\r\n\r\n"],
    ["a character instead of CR after data", "5\r\nhelloX\n0\r\n\r\n"],
    ["two characters instead of CR LF after data", "5\r\nhelloXX0\r\n\r\n"],
    ["a space before the colon of a trailer", "0\r\nX : 1\r\n\r\n"],
    ["a folded trailer", "0\r\nX: 1\r\n 2\r\n\r\n"],
    ["a bare LF in the trailers", "0\r\nX: 1\nY: 2\r\n\r\n"],
    ["NUL in a trailer", "0\r\nX: \x00\r\n\r\n"],
    ["a space as trailer", "0\r\n \r\n\r\n"],
    ["trailers over the limit", `0\r\nX: ${"a".repeat(2000)}\r\n\r\n`],
    ["trailers over the limit without an end", `0\r\nX: ${"a".repeat(4000)}`],
    ["extensions without end", `5;${"a".repeat(20_000)}`],
    ["white space without end", `5${" ".repeat(20_000)}`],
    ["extensions on every chunk", `${`1;${"a".repeat(99)}\r\nx\r\n`.repeat(200)}0\r\n\r\n`],
  ];
  for (const [what, text] of MALFORMED) test(what, () => expect(decodeText(text).state).toBe("failed"));
});

test("trailers come after the end, without fields that must not be trailers", () => {
  const text =
    "1\r\na\r\n0\r\nX-Sum: 1\r\nHost: b\r\nContent-Length: 5\r\nX-Forwarded-For: me\r\nSet-Cookie: a\r\nX-Auth-Id: me\r\nX_Real_IP: me\r\nx-sum:2\r\n\r\nGET /";
  expect(decodeText(text)).toEqual({
    data: "a",
    trailers: [
      ["X-Sum", "1"],
      ["x-sum", "2"],
    ],
    state: "done",
    rest: "GET /",
  });
});

test("what follows the body stays", () => {
  expect(decodeText("1\r\na\r\n0\r\n\r\n0\r\n\r\n").rest).toBe("0\r\n\r\n");
});

test("the sink's wish to wait is passed on", () => {
  const decoder = new ChunkedDecoder({ maxTrailerBytes: 0, fault: "upstream_bad_response" });
  const bytes = Buffer.from("1\r\na\r\n");
  decoder.feed(bytes, 0, bytes.length, { write: () => false });
  expect(decoder.full).toBe(true);
  expect(decoder.done).toBe(false);
});

test("a body that stops early is neither done nor failed, wherever it stops", () => {
  const text = "3;x=y\r\nabc\r\n0\r\nX: 1\r\n\r\n";
  for (let length = 0; length < text.length; length++) expect(decodeText(text.slice(0, length)).state).toBe("more");
});

const mostlyChunked = fc.array(
  fc.oneof(
    fc.constantFrom(
      "5\r\nhello\r\n",
      "1;a=b\r\nx\r\n",
      "0\r\n\r\n",
      "0\r\nX: 1\r\n\r\n",
      "0\r\n",
      "X: 1\r\n",
      "\r\n",
      "\n",
      "5",
      ";",
      " ",
    ),
    fc.string({ unit: "binary", maxLength: 4 }),
  ),
  { maxLength: 8 },
);

test("any split of any input decodes to the same", () => {
  fc.assert(
    fc.property(mostlyChunked, fc.array(fc.nat(200)), (parts, places) => {
      const bytes = Buffer.from(parts.join(""), "latin1");
      const whole = decode([bytes]);
      expect(decode(cut(bytes, places))).toEqual(whole);
      expect(decode(cut(bytes, bytes.map((_, i) => i) as unknown as number[]))).toEqual(whole);
    }),
    { numRuns: 1500 },
  );
});

const field = fc.tuple(
  fc.stringMatching(/^X-[a-z0-9]{1,8}$/),
  fc.stringMatching(/^[!-~\x80-\xff]([ -~]{0,20}[!-~])?$/),
);

test("what is encoded decodes to the same", () => {
  const buf = Buffer.alloc(16 * 1024);
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { maxLength: 6 }),
      fc.array(field, { maxLength: 4 }),
      (chunks, fields) => {
        const encoded: Buffer[] = [];
        for (const chunk of chunks) {
          encoded.push(
            Buffer.from(buf.subarray(0, writeChunkHeader(buf, 0, chunk.length))),
            Buffer.from(chunk),
            Buffer.from(CHUNK_END),
          );
        }
        encoded.push(Buffer.from(buf.subarray(0, writeLastChunk(buf, 0, HeaderMap.of(fields)))));
        const decoded = decode(encoded);
        expect(decoded.state).toBe("done");
        expect(decoded.data).toBe(Buffer.concat(chunks).toString("latin1"));
        expect(decoded.trailers ?? []).toEqual(fields);
      },
    ),
  );
});

test("a chunk header writes any size", () => {
  const buf = Buffer.alloc(CHUNK_HEADER_BYTES);
  for (const size of [1, 9, 15, 16, 255, 256, 65535, 2 ** 31, 2 ** 32, Number.MAX_SAFE_INTEGER]) {
    expect(buf.latin1Slice(0, writeChunkHeader(buf, 0, size))).toBe(`${size.toString(16)}\r\n`);
  }
});

test("the last chunk leaves out forbidden trailers, refuses unsafe ones and says when it does not fit", () => {
  const buf = Buffer.alloc(64);
  expect(buf.latin1Slice(0, writeLastChunk(buf, 0, new HeaderMap(["Host", "X"], ["a", "1"])))).toBe(
    "0\r\nX: 1\r\n\r\n",
  );
  expect(writeLastChunk(buf, 0, new HeaderMap(["X"], ["a\r\nY: b"]))).toBe(UNSAFE);
  expect(writeLastChunk(buf, 0, new HeaderMap(["X"], ["\u010d\u010aY: b"]))).toBe(UNSAFE);
  expect(writeLastChunk(buf, 60, new HeaderMap(["X"], ["1"]))).toBe(TOO_SMALL);
});
