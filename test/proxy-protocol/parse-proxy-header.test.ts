import { expect, test } from "bun:test";
import fc from "fast-check";
import { plainAddress } from "../../src/proxy/client-address.ts";
import { parseProxyHeader, type ProxyParse } from "../../src/proxy/listener/proxy-protocol.ts";
import { addressBlock, version1, version2 } from "./headers.ts";

const V6 = "2001:db8:1:2:3:4:5:6";

function parse(bytes: Buffer | string): ProxyParse {
  return parseProxyHeader(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes);
}

test("version 1 names the client of either family", () => {
  expect(parse("PROXY TCP4 192.0.2.1 198.51.100.7 56324 443\r\nGET /")).toEqual({
    source: { address: "192.0.2.1", port: 56324 },
    consumed: 45,
  });
  expect(parse(`PROXY TCP6 ${V6} ::1 1 65535\r\n`)).toMatchObject({ source: { address: V6, port: 1 } });
});

test("UNKNOWN is the sender's own connection, whatever stands behind it", () => {
  expect(parse("PROXY UNKNOWN\r\nrest")).toEqual({ source: null, consumed: 15 });
  expect(parse("PROXY UNKNOWN ffff::1 nonsense\r\n")).toEqual({ source: null, consumed: 32 });
});

test("a line that breaks the rules of version 1 is refused", () => {
  const lines = [
    "GET / HTTP/1.1\r\n",
    "proxy TCP4 1.2.3.4 1.2.3.4 1 2\r\n",
    "PROXY  TCP4 1.2.3.4 1.2.3.4 1 2\r\n",
    "PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n",
    "PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n",
    "PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n",
    "PROXY TCP4 1.2.3.4 1.2.3.4 65536 2\r\n",
    "PROXY TCP4 1.2.3.4 1.2.3.4 -1 2\r\n",
    "PROXY TCP4 1.2.3.400 1.2.3.4 1 2\r\n",
    "PROXY TCP4 ::1 ::1 1 2\r\n",
    "PROXY TCP6 1.2.3.4 1.2.3.4 1 2\r\n",
    "PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n",
    `PROXY UNKNOWN ${"x".repeat(120)}\r\n`,
    "PROXY TCP4 1.2.3.4\n1.2.3.4 1 2\r\n",
  ];
  for (const line of lines) expect([line, parse(line)]).toEqual([line, "invalid"]);
});

test("a line without an end is refused once it is longer than any real one", () => {
  expect(parse("PROXY UNKNOWN ".padEnd(106, "x"))).toBe("more");
  expect(parse("PROXY UNKNOWN ".padEnd(107, "x"))).toBe("invalid");
});

test("version 2 names the client of either family, and its TLVs are skipped", () => {
  const tlvs = Buffer.from("0300040000000020000500000000ff", "hex");
  const v4 = version2({ addresses: addressBlock("192.0.2.1", 56324), tlvs });
  expect(parse(Buffer.concat([v4, Buffer.from("GET /")]))).toEqual({
    source: { address: "192.0.2.1", port: 56324 },
    consumed: v4.length,
  });
  const v6 = version2({ family: 2, addresses: addressBlock("2001:db8:0:0:0:0:0:1", 9) });
  expect(parse(v6)).toEqual({ source: { address: "2001:db8::1", port: 9 }, consumed: v6.length });
});

test("LOCAL, unix, unspecified and datagram connections keep the socket's own address", () => {
  const headers = [
    version2({ command: 0, family: 0, transport: 0 }),
    version2({ command: 0, addresses: addressBlock("1.2.3.4", 5) }),
    version2({ family: 0, transport: 0, addresses: Buffer.alloc(7) }),
    version2({ family: 3, addresses: Buffer.alloc(216, "/tmp/x") }),
    version2({ transport: 2, addresses: addressBlock("1.2.3.4", 5) }),
  ];
  for (const header of headers) expect(parse(header)).toEqual({ source: null, consumed: header.length });
});

test("a header that breaks the rules of version 2 is refused", () => {
  const addresses = addressBlock("1.2.3.4", 5);
  for (const header of [
    version2({ version: 1, addresses }),
    version2({ version: 3, addresses }),
    version2({ command: 2, addresses }),
    version2({ family: 4, addresses }),
    version2({ transport: 3, addresses }),
    version2({ addresses: addresses.subarray(0, 11) }),
    version2({ family: 2, addresses }),
    version2({ addresses, length: 5000 }),
    Buffer.from("\r\n\r\nGET / HTTP/1.1\r\n\r\n"),
  ]) {
    expect(parse(header)).toBe("invalid");
  }
});

const port = fc.integer({ min: 0, max: 65535 });
const header = fc.oneof(
  fc.tuple(fc.ipV4(), port).map(([address, at]) => ({ address, at, bytes: version1(address, at) })),
  fc.tuple(fc.ipV6(), port).map(([address, at]) => ({ address, at, bytes: version1(address, at) })),
  fc.tuple(fc.ipV4(), port, fc.uint8Array({ maxLength: 300 })).map(([address, at, tlvs]) => ({
    address,
    at,
    bytes: version2({ addresses: addressBlock(address, at), tlvs: Buffer.from(tlvs) }),
  })),
);

test("every beginning of a header asks for more, and what follows it changes nothing", () => {
  fc.assert(
    fc.property(header, fc.uint8Array({ maxLength: 40 }), ({ address, at, bytes }, rest) => {
      // A mixed spelling of IPv6 makes a line that is longer than the 107 octets §2.1 foresees.
      fc.pre(bytes[0] !== 0x50 || bytes.length <= 107);
      for (let size = 0; size < bytes.length; size++) expect(parse(bytes.subarray(0, size))).toBe("more");
      const parsed = parse(Buffer.concat([bytes, rest])) as Exclude<ProxyParse, string>;
      expect(parsed.consumed).toBe(bytes.length);
      expect(parsed.source?.port).toBe(at);
      expect(plainAddress(parsed.source!.address)).toBe(plainAddress(address));
    }),
  );
});

test("no octets make it throw, and a refusal is final", () => {
  const prefix = fc.constantFrom("", "PROXY ", "PROXY TCP4 ", "\r\n\r\n\0\r\nQUIT\n", "\r\n\r\n\0\r\nQUIT\n\x21\x11");
  fc.assert(
    fc.property(prefix, fc.uint8Array({ maxLength: 200 }), fc.nat(), (start, tail, cut) => {
      const bytes = Buffer.concat([Buffer.from(start, "latin1"), tail]);
      const part = bytes.subarray(0, cut % (bytes.length + 1));
      const early = parse(part);
      if (early !== "more") expect(parse(bytes)).toEqual(early);
    }),
    { numRuns: 500 },
  );
});
