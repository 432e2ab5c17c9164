import { describe, expect, test } from "bun:test";
import type { HashKeySpec } from "../../src/model/snapshot-spec.ts";
import { pickSplit } from "../../src/proxy/routing/split.ts";
import { createBalancer } from "../../src/proxy/upstream/balancing/create-balancer.ts";
import { hashKeyOf } from "../../src/proxy/upstream/balancing/hash-key.ts";
import type { Endpoint } from "../../src/proxy/upstream/endpoint.ts";
import { exchangeOf, seededRandom, type RequestParts } from "../routing/requests.ts";
import { endpointsOf } from "./endpoints.ts";

const clients = Array.from({ length: 10_000 }, (_, i) => exchangeOf({ clientIp: `10.0.${i >> 8}.${i & 255}` }));
const byClient = (endpoints: readonly Endpoint[]) =>
  createBalancer({ policy: "hash", by: { kind: "clientIp" } }, endpoints, seededRandom(1));

function placed(endpoints: readonly Endpoint[], candidates = endpoints): Endpoint[] {
  const balancer = byClient(endpoints);
  return clients.map((exchange) => balancer.pick(candidates, exchange));
}

describe("consistent hashing", () => {
  test("spreads keys by weight", () => {
    const endpoints = endpointsOf(1, 1, 2);
    const homes = placed(endpoints);
    for (const endpoint of endpoints)
      expect(homes.filter((home) => home === endpoint).length / clients.length).toBeCloseTo(endpoint.weight / 4, 1);
  });

  test("moves only the keys of the endpoint that leaves, and spreads them over all others", () => {
    const endpoints = endpointsOf(1, 1, 1, 1, 1);
    const before = placed(endpoints);
    const after = placed(
      endpoints,
      endpoints.filter((endpoint) => endpoint !== endpoints[2]),
    );
    const moved = clients.flatMap((_, i) => (before[i] === after[i] ? [] : [i]));
    expect(moved.every((i) => before[i] === endpoints[2])).toBe(true);
    expect(moved.length / clients.length).toBeCloseTo(0.2, 1);
    for (const other of endpoints.filter((endpoint) => endpoint !== endpoints[2]))
      expect(moved.filter((i) => after[i] === other).length / moved.length).toBeCloseTo(0.25, 1);
  });

  test("brings them back when it returns, whatever was asked in between", () => {
    const endpoints = endpointsOf(1, 2, 3);
    const balancer = byClient(endpoints);
    const first = clients.map((exchange) => balancer.pick(endpoints, exchange));
    clients.forEach((exchange) => balancer.pick(endpoints.slice(1), exchange));
    expect(clients.map((exchange) => balancer.pick(endpoints, exchange))).toEqual(first);
  });

  test("moves keys only to a new endpoint", () => {
    const endpoints = endpointsOf(1, 1, 1, 1);
    const before = placed(endpoints.slice(0, 3));
    const after = placed(endpoints);
    const moved = clients.flatMap((_, i) => (before[i] === after[i] ? [] : [i]));
    expect(moved.every((i) => after[i] === endpoints[3])).toBe(true);
    expect(moved.length / clients.length).toBeCloseTo(0.25, 1);
  });
});

describe("the key", () => {
  const request: RequestParts = {
    target: "/a/b?x=1&u=%41&u=B",
    headers: { "X-Tenant": "t1", Cookie: "a=1; sid=abc=d ;b", cookie: "late=2" },
    clientIp: "192.0.2.7",
  };
  test.each<[HashKeySpec, string]>([
    [{ kind: "clientIp" }, "192.0.2.7"],
    [{ kind: "path" }, "/a/b"],
    [{ kind: "header", name: "X-Tenant" }, "t1"],
    [{ kind: "cookie", name: "sid" }, "abc=d"],
    [{ kind: "cookie", name: "late" }, "2"],
    [{ kind: "query", name: "u" }, "A"],
    [{ kind: "header", name: "x-none" }, "192.0.2.7"],
    [{ kind: "cookie", name: "b" }, "192.0.2.7"],
    [{ kind: "cookie", name: "id" }, "192.0.2.7"],
    [{ kind: "query", name: "none" }, "192.0.2.7"],
  ])("by %o is %s", (by, expected) => {
    expect(hashKeyOf(by, exchangeOf(request))).toBe(expected);
  });
});

describe("a split", () => {
  const weighted = (...weights: number[]) => weights.map((weight, i) => ({ upstream: { name: `u${i}` }, weight }));
  const by: HashKeySpec = { kind: "clientIp" };

  test("draws by weight, and never a weight of zero", () => {
    const targets = weighted(9, 0, 1);
    const random = seededRandom(3);
    const drawn = clients.map((exchange) => pickSplit(targets, null, exchange, random).upstream.name);
    expect(drawn.filter((name) => name === "u0").length / drawn.length).toBeCloseTo(0.9, 1);
    expect(drawn).not.toContain("u1");
  });

  test("by a key keeps a client and moves as few as possible when weights change", () => {
    const homes = (...weights: number[]) => {
      const targets = weighted(...weights);
      return clients.map((exchange) => pickSplit(targets, by, exchange, Math.random).upstream.name);
    };
    const [before, again, after] = [homes(9, 1), homes(9, 1), homes(8, 2)];
    expect(again).toEqual(before);
    expect(before.filter((name) => name === "u1").length / clients.length).toBeCloseTo(0.1, 1);
    const moved = before.filter((name, i) => name !== after[i]);
    expect(moved.every((name) => name === "u0")).toBe(true);
    expect(moved.length / clients.length).toBeCloseTo(0.1, 1);
  });

  test("does not decide which endpoint the same key gets", () => {
    const targets = weighted(1, 1);
    const endpoints = endpointsOf(1, 1);
    const balancer = byClient(endpoints);
    const mine = clients.filter((exchange) => pickSplit(targets, by, exchange, Math.random) === targets[0]);
    const first = mine.filter((exchange) => balancer.pick(endpoints, exchange) === endpoints[0]);
    expect(first.length / mine.length).toBeCloseTo(0.5, 1);
  });
});
