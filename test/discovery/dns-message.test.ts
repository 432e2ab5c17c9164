import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { decodeReply, encodeQuery, type Question } from "../../src/control/discovery/dns/dns-message.ts";
import { addressesIn, servicesIn } from "../../src/control/discovery/dns/dns-records.ts";

const QUESTION: Question = { id: 0x1234, name: "api.test", type: "A" };
const NAME_AT_12 = [0xc0, 12];

/** A reply to the question: these records, and whatever is changed about its head. */
function reply(
  records: readonly number[][],
  head: { id?: number; flags?: number; count?: number } = {},
  question = QUESTION,
) {
  const bytes = Buffer.concat([encodeQuery(question), ...records.map((record) => Buffer.from(record))]);
  bytes.writeUInt16BE(head.id ?? question.id, 0);
  bytes.writeUInt16BE(head.flags ?? 0x8180, 2);
  bytes.writeUInt16BE(head.count ?? records.length, 6);
  return bytes;
}

function record(
  type: number,
  data: readonly number[],
  { name = NAME_AT_12, ttl = [0, 0, 0, 60], klass = 1 } = {},
): number[] {
  return [...name, 0, type, 0, klass, ...ttl, data.length >> 8, data.length & 255, ...data];
}

function addresses(bytes: Buffer): unknown {
  const decoded = decodeReply(bytes, QUESTION);
  return decoded === null ? null : addressesIn(decoded, QUESTION);
}

const A = record(1, [10, 0, 0, 1]);
const GOOD = { records: ["10.0.0.1"], ttlMs: 60_000 };
const NOTHING = { records: [], ttlMs: 5_000 };

describe("a DNS message", () => {
  test("asks one question, with recursion", () => {
    expect(encodeQuery(QUESTION).toString("hex")).toBe("1234010000010000000000000361706904746573740000010001");
    expect(encodeQuery({ ...QUESTION, type: "SRV" }).subarray(-4)).toEqual(Buffer.from([0, 33, 0, 1]));
  });

  test("answers the question that was asked, whatever the case of its letters", () => {
    expect(addresses(reply([A]))).toEqual(GOOD);
    const shouting = reply([A]);
    shouting.write("API", 13, "latin1");
    expect(addresses(shouting)).toEqual(GOOD);
  });

  const others: Array<[what: string, bytes: Buffer]> = [
    ["of another id", reply([A], { id: 0x4321 })],
    ["that is a question", reply([A], { flags: 0x0180 })],
    ["of another kind", reply([A], { flags: 0x8980 })],
    ["to another name", reply([A], {}, { ...QUESTION, name: "bad.test" })],
    ["to a name that goes on", reply([A], {}, { ...QUESTION, name: "api.test.evil" })],
    ["to another type", reply([A], {}, { ...QUESTION, type: "AAAA" })],
    ["without a question", Buffer.from("123481800000000000000000", "hex")],
    ["of one byte", Buffer.from([0x12])],
    ["of none", Buffer.alloc(0)],
  ];
  for (const [what, bytes] of others) {
    test(`${what} is no answer`, () => expect(addresses(bytes)).toBeNull());
  }

  const broken: Array<[what: string, bytes: Buffer]> = [
    ["that promises more records than it has", reply([A], { count: 2 })],
    ["with data beyond its end", reply([record(1, [10, 0, 0, 1]).slice(0, -2)])],
    ["with a pointer to itself", reply([record(1, [10, 0, 0, 1], { name: [0xc0, 26] })])],
    ["with a pointer forward", reply([record(1, [10, 0, 0, 1], { name: [0xc0, 40] })])],
    ["with a pointer beyond", reply([record(1, [10, 0, 0, 1], { name: [0xff, 0xff] })])],
    ["with a label that repeats itself", reply([record(1, [10, 0, 0, 1], { name: [1, 97, 0xc0, 26] })])],
    ["with a label of an unknown kind", reply([record(1, [10, 0, 0, 1], { name: [0x80, 1, 0] })])],
    [
      "with a name without end",
      reply([record(1, [10], { name: Array.from({ length: 300 }, (_, i) => (i % 2 === 0 ? 1 : 97)) })]),
    ],
  ];
  for (const [what, bytes] of broken) {
    test(`${what} is no answer, and ends`, () => expect(addresses(bytes)).toBeNull());
  }

  test("has nothing to say of other names, classes and kinds", () => {
    const other = record(1, [10, 0, 0, 1], { name: [1, 120, 0] });
    const chaos = record(1, [10, 0, 0, 1], { klass: 3 });
    const text = record(16, [1, 97]);
    const short = record(1, [10, 0, 0]);
    for (const one of [other, chaos, text, short]) expect(addresses(reply([one]))).toEqual(NOTHING);
    expect(addresses(reply([other, chaos, text, short, A]))).toEqual(GOOD);
  });

  test("holds for as long as its shortest record, and not at all with a TTL that is none", () => {
    const short = record(1, [10, 0, 0, 2], { ttl: [0, 0, 0, 7] });
    expect(addresses(reply([A, short]))).toEqual({ records: ["10.0.0.1", "10.0.0.2"], ttlMs: 7_000 });
    const negative = record(1, [10, 0, 0, 1], { ttl: [0xff, 0, 0, 0] });
    expect(addresses(reply([negative]))).toEqual({ records: ["10.0.0.1"], ttlMs: 0 });
  });

  test("that was cut off says so, wherever it ends", () => {
    expect(decodeReply(reply([A.slice(0, 5)], { flags: 0x8380 }), QUESTION)).toMatchObject({
      isTruncated: true,
      answers: [],
    });
  });

  test("leaves out services at targets that are no host names", () => {
    const question: Question = { id: 7, name: "_http._tcp.test", type: "SRV" };
    const to = (...target: number[]) => record(33, [0, 1, 0, 2, 0x1f, 0x90, ...target]);
    const bad = [to(3, 97, 32, 98, 0), to(3, 97, 46, 98, 0), to(3, 97, 10, 98, 0), to(0xff, 0xff), record(33, [0, 1])];
    const decoded = decodeReply(reply([...bad, to(1, 97, 1, 98, 0)], {}, question), question)!;
    expect(servicesIn(decoded, question)).toEqual({
      records: [{ priority: 1, weight: 2, port: 8080, target: "a.b" }],
      ttlMs: 60_000,
    });
  });

  test("of any bytes is an answer or none, and never an accident", () => {
    const head = reply([], { count: 3 });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (noise, hasHead) => {
        const bytes = hasHead ? Buffer.concat([head, noise]) : Buffer.from(noise);
        const decoded = decodeReply(bytes, QUESTION);
        if (decoded !== null) {
          addressesIn(decoded, QUESTION);
          servicesIn(decoded, QUESTION);
        }
      }),
      { numRuns: 500 },
    );
  });
});
