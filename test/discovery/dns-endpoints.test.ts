import { describe, expect, test } from "bun:test";
import { DnsClient } from "../../src/control/discovery/dns/dns-resolver.ts";
import { DnsServer } from "../kit/dns-server.ts";
import { eventually, Gate } from "../kit/eventually.ts";
import { settled } from "../kit/manual-clock.ts";
import { FakeResolver, Watched } from "./dns-kit.ts";

describe("watched names", () => {
  test("are told of together when they change together", async () => {
    const dns = new FakeResolver().has("a.test", ["10.0.0.1"]).has("b.test", ["10.0.0.2"]);
    const gate = new Gate();
    dns.gate = gate.opened;
    const watched = new Watched(dns, ["a.test:80", "b.test:80"]);
    await settled();
    gate.open();
    await settled();
    expect(watched.last).toEqual(["a.test fresh 10.0.0.1", "b.test fresh 10.0.0.2"]);
    expect(watched.told.length).toBeLessThanOrEqual(3);
  });

  test("are asked a few at a time, and all of them", async () => {
    const dns = new FakeResolver();
    const names = Array.from({ length: 100 }, (_, i) => `n${i}.test:80`);
    for (let i = 0; i < 100; i++) dns.has(`n${i}.test`, ["10.0.0.1"]);
    const gate = new Gate();
    dns.gate = gate.opened;
    const watched = new Watched(dns, names);
    await settled();
    expect(dns.asked).toHaveLength(8);
    gate.open();
    await settled();
    expect([dns.asked.length, dns.mostUnderWay]).toEqual([100, 8]);
    expect(watched.last.every((state) => state.endsWith("fresh 10.0.0.1"))).toBe(true);
  });

  test("are asked once for everybody, and told only to whom they concern", async () => {
    const dns = new FakeResolver().has("a.test", ["10.0.0.1"], 60_000).has("b.test", ["10.0.0.2"], 5_000);
    const watched = new Watched(dns, ["a.test:80"]);
    const others: string[][] = [];
    watched.watch(["a.test:80", "b.test:80", "b.test:80"], watched.abort.signal, others);
    await settled();
    expect(dns.asked).toEqual(["a.test", "b.test"]);
    const before = watched.told.length;
    dns.has("b.test", ["10.0.0.3"]);
    await watched.clock.advance(5_000);
    expect(others.at(-1)).toEqual(["a.test fresh 10.0.0.1", "b.test fresh 10.0.0.3"]);
    expect(watched.told).toHaveLength(before);
  });

  test("are known at once to who takes over, and left in peace when nobody is left", async () => {
    const dns = new FakeResolver().has("a.test", ["10.0.0.1"], 5_000).has("b.test", ["10.0.0.2"], 5_000);
    const watched = new Watched(dns, ["a.test:80", "b.test:80"]);
    await settled();
    const next = new AbortController();
    const told: string[][] = [];
    watched.watch(["a.test:80"], next.signal, told);
    watched.abort.abort();
    expect(told).toEqual([["a.test fresh 10.0.0.1"]]);
    await watched.clock.advance(5_000);
    expect(dns.asked).toEqual(["a.test", "b.test", "a.test"]);
    next.abort();
    expect(watched.clock.alarmCount).toBe(0);
  });

  test("that are abandoned while they are asked say nothing more", async () => {
    const dns = new FakeResolver().has("a.test", ["10.0.0.1"]);
    const gate = new Gate();
    dns.gate = gate.opened;
    const watched = new Watched(dns, ["a.test:80"]);
    await settled();
    watched.abort.abort();
    gate.open();
    await settled();
    expect(watched.told).toEqual([["a.test asking"]]);
    expect(watched.clock.alarmCount).toBe(0);
    watched.watch(["a.test:80"], AbortSignal.abort());
    expect(watched.told).toHaveLength(1);
  });

  test("come from a real server, and stay when it dies", async () => {
    const server = await DnsServer.start();
    server.setAddresses("a.test", ["10.0.0.1"], 1);
    server.setServices("_http._tcp.a.test", ["0 1 8080 a.test"], 1);
    const client = new DnsClient({ servers: [server.address], patienceMs: 500 });
    const watched = new Watched(client, ["a.test:80", "_http._tcp.a.test"]);
    await eventually("both are known", () => watched.last.every((state) => state.endsWith("fresh 10.0.0.1")));
    server.setAddresses("a.test", ["10.0.0.2"], 1);
    await watched.clock.advance(1_000);
    await eventually("both have moved", () => watched.last.every((state) => state.endsWith("fresh 10.0.0.2")));
    await server.stop();
    await watched.clock.advance(1_000);
    await eventually("both are stale", () => watched.last.every((state) => state.endsWith("stale 10.0.0.2")));
    watched.abort.abort();
  });
});
