import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { HeaderMap } from "../../src/model/header-map.ts";
import { CHUNKED, NO_BODY, UNTIL_CLOSE } from "../../src/proxy/http1/body-framing.ts";
import { type ConnectionFields, writeRequestHead, writeResponseHead } from "../../src/proxy/http1/head-writer.ts";
import { TOO_SMALL, UNSAFE } from "../../src/proxy/http1/written.ts";
import { request, response } from "./read-head.ts";

const PLAIN: ConnectionFields = { framing: NO_BODY, connection: null, upgrade: null, teTrailers: false };
const buf = Buffer.alloc(4096);

interface Requested {
  method?: string;
  target?: string;
  authority?: string;
  fields?: Array<[string, string]>;
}

const map = (fields: ReadonlyArray<readonly [string, string]>) =>
  new HeaderMap(
    fields.map(([name]) => name),
    fields.map(([, value]) => value),
  );

function requestBytes(head: Requested, own: Partial<ConnectionFields> = {}): number {
  const { method = "GET", target = "/", authority = "a", fields = [] } = head;
  return writeRequestHead(buf, 0, { method, target, authority, headers: map(fields) }, { ...PLAIN, ...own });
}

function requestText(head: Requested, own: Partial<ConnectionFields> = {}): string {
  return buf.latin1Slice(0, requestBytes(head, own));
}

function responseText(status: number, fields: Array<[string, string]>, own: Partial<ConnectionFields> = {}): string {
  return buf.latin1Slice(
    0,
    writeResponseHead(buf, 0, { status, reason: "R", headers: map(fields) }, { ...PLAIN, ...own }),
  );
}

describe("a request head is written", () => {
  test("with Host first when the client had none", () => {
    expect(requestText({ fields: [["X", "1"]] })).toBe("GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n\r\n");
  });

  test("with the authority in the first Host's place", () => {
    const fields: Array<[string, string]> = [
      ["X", "1"],
      ["hoSt", "old"],
      ["Host", "older"],
    ];
    expect(requestText({ authority: "b:1", fields })).toBe("GET / HTTP/1.1\r\nX: 1\r\nhoSt: b:1\r\n\r\n");
  });

  test("with the framing's Content-Length in its place", () => {
    const fields: Array<[string, string]> = [
      ["Host", "a"],
      ["content-length", "9"],
      ["X", "1"],
    ];
    expect(requestText({ fields }, { framing: 5 })).toBe(
      "GET / HTTP/1.1\r\nHost: a\r\ncontent-length: 5\r\nX: 1\r\n\r\n",
    );
    expect(requestText({ fields }, { framing: CHUNKED })).toBe(
      "GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    );
    expect(requestText({ fields })).toBe("GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n\r\n");
    expect(requestText({ fields: [["Host", "a"]] }, { framing: 0 })).toBe(
      "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
    );
  });

  test("with a Content-Length of zero though there is no body", () => {
    expect(
      requestText({
        fields: [
          ["Host", "a"],
          ["Content-Length", "0"],
        ],
      }),
    ).toContain("\r\nContent-Length: 0\r\n");
  });

  test("without fields that are the codec's own, whoever put them there", () => {
    const fields: Array<[string, string]> = [
      ["Host", "a"],
      ["Transfer-Encoding", "chunked"],
      ["connection", "close"],
      ["TE", "x"],
      ["Upgrade", "x"],
      ["Keep-Alive", "5"],
      ["Proxy-Connection", "x"],
    ];
    expect(requestText({ fields })).toBe("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  });

  test("with what the codec says of the connection", () => {
    expect(
      requestText({ fields: [["Host", "a"]] }, { upgrade: "websocket", teTrailers: true, connection: "close" }),
    ).toBe("GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nUpgrade: websocket\r\nConnection: close, TE, Upgrade\r\n\r\n");
  });
});

describe("a response head is written", () => {
  test("with the framing that holds", () => {
    expect(
      responseText(
        200,
        [
          ["content-length", "9"],
          ["X", "1"],
        ],
        { framing: 5 },
      ),
    ).toBe("HTTP/1.1 200 R\r\ncontent-length: 5\r\nX: 1\r\n\r\n");
    expect(responseText(200, [], { framing: 0 })).toBe("HTTP/1.1 200 R\r\nContent-Length: 0\r\n\r\n");
    expect(responseText(200, [["Content-Length", "9"]], { framing: CHUNKED })).toBe(
      "HTTP/1.1 200 R\r\nTransfer-Encoding: chunked\r\n\r\n",
    );
    expect(responseText(200, [["Content-Length", "9"]], { framing: UNTIL_CLOSE, connection: "close" })).toBe(
      "HTTP/1.1 200 R\r\nConnection: close\r\n\r\n",
    );
  });

  test("with a Content-Length that describes what GET would have brought", () => {
    expect(responseText(304, [["Content-Length", "9"]])).toBe("HTTP/1.1 304 R\r\nContent-Length: 9\r\n\r\n");
  });

  test("without framing fields where the status forbids them", () => {
    expect(responseText(204, [["Content-Length", "0"]], { framing: 0 })).toBe("HTTP/1.1 204 R\r\n\r\n");
    expect(responseText(103, [["Link", "x"]], { framing: CHUNKED })).toBe("HTTP/1.1 103 R\r\nLink: x\r\n\r\n");
  });

  test("as 101 with the protocol", () => {
    expect(responseText(101, [], { upgrade: "websocket" })).toBe(
      "HTTP/1.1 101 R\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    );
  });
});

describe("a head is not written with", () => {
  const UNSAFE_REQUESTS: Array<[string, Requested]> = [
    ["CR LF in a value", { fields: [["X", "a\r\nY: b"]] }],
    ["CR LF in disguise in a value", { fields: [["X", "a\u010d\u010aY: b"]] }],
    ["a bare CR in a value", { fields: [["X", "a\rb"]] }],
    ["NUL in a value", { fields: [["X", "a\0b"]] }],
    ["an empty line in a value", { fields: [["X", "a\r\n\r\nGET / HTTP/1.1"]] }],
    ["CR LF in a name", { fields: [["X: 1\r\nY", "b"]] }],
    ["an empty name", { fields: [["", "b"]] }],
    ["a space in a name", { fields: [["X ", "b"]] }],
    ["CR LF in the authority", { authority: "a\r\nX: 1" }],
    ["a space in the target", { target: "/ HTTP/1.1\r\nX: 1\r\nY: /" }],
    ["a space in disguise in the target", { target: "/\u0120x" }],
    ["an empty target", { target: "" }],
    ["a space in the method", { method: "GET /x" }],
    ["an empty method", { method: "" }],
  ];
  for (const [what, head] of UNSAFE_REQUESTS) test(what, () => expect(requestBytes(head)).toBe(UNSAFE));

  test("a request that would last until its connection ends", () => {
    expect(requestBytes({}, { framing: UNTIL_CLOSE })).toBe(UNSAFE);
  });

  test("CR LF in the reason, or a status that is none", () => {
    const write = (status: number, reason: string) =>
      writeResponseHead(buf, 0, { status, reason, headers: new HeaderMap() }, PLAIN);
    expect(write(200, "a\r\nX: 1")).toBe(UNSAFE);
    expect(write(20, "OK")).toBe(UNSAFE);
    expect(write(2000, "OK")).toBe(UNSAFE);
    expect(write(200.5, "OK")).toBe(UNSAFE);
  });
});

test("a head that does not fit says so, one that fits exactly is written", () => {
  const head = { method: "GET", target: "/", authority: "a", headers: new HeaderMap() };
  const size = writeRequestHead(buf, 0, head, PLAIN);
  expect(writeRequestHead(Buffer.alloc(size - 1), 0, head, PLAIN)).toBe(TOO_SMALL);
  expect(writeRequestHead(Buffer.alloc(size), 0, head, PLAIN)).toBe(size);
  expect(writeRequestHead(Buffer.alloc(size + 6), 7, head, PLAIN)).toBe(TOO_SMALL);
  expect(writeRequestHead(Buffer.alloc(size + 7), 7, head, PLAIN)).toBe(size);
});

const value = fc.stringMatching(/^([!-~\x80-\xff]([\t -~\x80-\xff]{0,30}[!-~\x80-\xff])?)?$/);
const fields = fc.array(fc.tuple(fc.stringMatching(/^[Xx]-[!#$%&'*+.^_`|~0-9A-Za-z-]{0,12}$/), value), {
  maxLength: 12,
});
const framing = fc.oneof(fc.constantFrom(NO_BODY, CHUNKED), fc.maxSafeNat());

test("a request that is written parses to the same", () => {
  const head = fc.record({
    method: fc.stringMatching(/^[A-Za-z!#$-]{1,20}$/).filter((method) => method !== "CONNECT"),
    target: fc.stringMatching(/^\/[!"$-~\x80-\xff]{0,60}$/),
    authority: fc.stringMatching(/^[a-z]{1,20}(:[1-9][0-9]{0,3})?$/),
    fields,
    framing,
    upgrade: fc.constantFrom(null, "websocket"),
    teTrailers: fc.boolean(),
    connection: fc.constantFrom(null, "close" as const, "keep-alive" as const),
  });
  fc.assert(
    fc.property(head, (made) => {
      const read = request(requestText(made, made));
      const { method, target, authority, framing, upgrade, teTrailers } = made;
      expect(read).toMatchObject({
        method,
        target,
        authority,
        framing,
        upgrade,
        teTrailers,
        keepAlive: made.connection !== "close",
      });
      expect([...read.headers].filter(([name]) => /^x-/i.test(name))).toEqual(made.fields);
    }),
  );
});

test("a response that is written parses to the same", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 200, max: 999 }).filter((status) => status !== 204 && status !== 304),
      value,
      fields,
      fc.oneof(fc.constantFrom(CHUNKED, UNTIL_CLOSE), fc.maxSafeNat()),
      (status, reason, sent, length) => {
        const written = writeResponseHead(
          buf,
          0,
          { status, reason, headers: map(sent) },
          { ...PLAIN, framing: length },
        );
        const read = response(buf.latin1Slice(0, written));
        expect(read).toMatchObject({ status, reason, framing: length });
        expect([...read.headers].filter(([name]) => /^x-/i.test(name))).toEqual(sent);
      },
    ),
  );
});
