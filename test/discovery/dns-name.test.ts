import { describe, expect, test } from "bun:test";
import type { DnsResolver } from "../../src/control/discovery/dns/dns-resolver.ts";
import { settled } from "../kit/manual-clock.ts";
import { FakeResolver, specOf, Watched } from "./dns-kit.ts";

describe("a watched name", () => {
  test("is told of at once, and again when it is known", async () => {
    const watched = new Watched(new FakeResolver().has("a.test", ["10.0.0.1"]), ["a.test:80"]);
    expect(watched.told).toEqual([["a.test asking"]]);
    await settled();
    expect(watched.told).toEqual([["a.test asking"], ["a.test fresh 10.0.0.1"]]);
  });

  test("is asked again when its answer has run out, and told of only when that is another", async () => {
    const dns = new FakeResolver().has("a.test", ["10.0.0.1"], 20_000);
    const watched = new Watched(dns, ["a.test:80"]);
    await settled();
    await watched.clock.advance(19_999);
    expect(dns.asked).toHaveLength(1);
    await watched.clock.advance(1);
    expect(dns.asked).toHaveLength(2);
    expect(watched.told).toHaveLength(2);
    dns.has("a.test", ["10.0.0.2"]);
    await watched.clock.advance(20_000);
    expect(watched.last).toEqual(["a.test fresh 10.0.0.2"]);
  });

  const pauses: Array<[ttlMs: number, pauseMs: number]> = [
    [0, 1_000],
    [999, 1_000],
    [86_400_000, 300_000],
  ];
  for (const [ttlMs, pauseMs] of pauses) {
    test(`with a TTL of ${ttlMs} ms is asked again after ${pauseMs} ms`, async () => {
      const watched = new Watched(new FakeResolver().has("a.test", ["10.0.0.1"], ttlMs), ["a.test:80"]);
      await settled();
      expect(watched.clock.nextIn).toBe(pauseMs);
    });
  }

  test("is asked again a little later than it must, so that names drift apart", async () => {
    const watched = new Watched(new FakeResolver().has("a.test", ["10.0.0.1"], 10_000), ["a.test:80"]);
    watched.random = 0.5;
    await settled();
    expect(watched.clock.nextIn).toBe(10_500);
  });

  test("keeps its last good answer while DNS is away, says so, and is asked less and less", async () => {
    const dns = new FakeResolver().has("a.test", ["10.0.0.1"], 5_000);
    const watched = new Watched(dns, ["a.test:80"]);
    await settled();
    dns.fails("a.test");
    await watched.clock.advance(5_000);
    expect(watched.last).toEqual(["a.test stale 10.0.0.1"]);
    const pauses: Array<number | null> = [];
    for (let i = 0; i < 7; i++) {
      pauses.push(watched.clock.nextIn);
      await watched.clock.advance(watched.clock.nextIn!);
    }
    expect(pauses).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
    await watched.clock.advance(86_400_000);
    expect(watched.last).toEqual(["a.test stale 10.0.0.1"]);
    dns.has("a.test", ["10.0.0.2"], 5_000);
    await watched.clock.advance(30_000);
    expect(watched.last).toEqual(["a.test fresh 10.0.0.2"]);
    dns.fails("a.test");
    await watched.clock.advance(5_000);
    expect(watched.clock.nextIn).toBe(1_000);
  });

  test("that nobody has ever answered for is being asked, and says why", async () => {
    const dns = new FakeResolver().fails("a.test");
    const watched = new Watched(dns, []);
    let detail = "";
    watched.endpoints.watch(
      [specOf("a.test:80")],
      (states) => (detail = [...states.values()][0]!.detail),
      watched.abort.signal,
    );
    await settled();
    expect(detail).toBe("10.0.0.53: it failed (SERVFAIL)");
    dns.has("a.test", ["10.0.0.1"]);
    await watched.clock.advance(1_000);
    expect(detail).toBe("");
  });

  test("that DNS no longer knows keeps its endpoints for 30 s, and not longer", async () => {
    const dns = new FakeResolver().has("a.test", ["10.0.0.1"], 5_000);
    const watched = new Watched(dns, ["a.test:80"]);
    await settled();
    dns.has("a.test", [], 7_000);
    await watched.clock.advance(5_000);
    expect(watched.last).toEqual(["a.test stale 10.0.0.1"]);
    await watched.clock.advance(29_999);
    expect(watched.last).toEqual(["a.test stale 10.0.0.1"]);
    await watched.clock.advance(1);
    expect(watched.last).toEqual(["a.test absent"]);
    dns.has("a.test", ["10.0.0.3"]);
    await watched.clock.advance(7_000);
    expect(watched.last).toEqual(["a.test fresh 10.0.0.3"]);
  });

  test("that comes back in time has a whole grace again", async () => {
    const dns = new FakeResolver().has("a.test", ["10.0.0.1"], 5_000);
    const watched = new Watched(dns, ["a.test:80"]);
    await settled();
    dns.has("a.test", [], 5_000);
    await watched.clock.advance(25_000);
    dns.has("a.test", ["10.0.0.1"], 5_000);
    await watched.clock.advance(5_000);
    expect(watched.last).toEqual(["a.test fresh 10.0.0.1"]);
    dns.has("a.test", [], 5_000);
    await watched.clock.advance(30_000);
    expect(watched.last).toEqual(["a.test stale 10.0.0.1"]);
  });

  test("that never was is absent at once, and stays so while DNS is away", async () => {
    const dns = new FakeResolver();
    const watched = new Watched(dns, ["a.test:80"]);
    await settled();
    expect(watched.last).toEqual(["a.test absent"]);
    dns.fails("a.test");
    await watched.clock.advance(60_000);
    expect(watched.last).toEqual(["a.test absent"]);
  });

  test("goes on being asked after a mistake of ours, which is told", async () => {
    let isBroken = true;
    const good = new FakeResolver().has("a.test", ["10.0.0.1"]);
    const resolver: DnsResolver = {
      addresses: (name) => (isBroken ? Promise.reject(new TypeError("ours")) : good.addresses(name)),
      services: (name) => good.services(name),
    };
    const watched = new Watched(resolver, ["a.test:80"]);
    await settled();
    expect(watched.failures).toEqual(["a.test"]);
    isBroken = false;
    await watched.clock.advance(1_000);
    expect(watched.last).toEqual(["a.test fresh 10.0.0.1"]);
  });
});
