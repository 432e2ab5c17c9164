import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { DnsFailure } from "../../src/control/discovery/dns/dns-exchange.ts";
import { DnsClient, type DnsClientOptions, parseServer } from "../../src/control/discovery/dns/dns-resolver.ts";
import { DnsServer } from "../kit/dns-server.ts";
import { freePort } from "../kit/free-port.ts";

let server: DnsServer;
const { signal } = new AbortController();

beforeAll(async () => {
  server = await DnsServer.start();
});

afterEach(() => {
  server.misbehaviour = null;
  server.asked.length = 0;
  server.askedByTcp.length = 0;
});

afterAll(() => server.stop());

function client(over: DnsClientOptions = {}): DnsClient {
  return new DnsClient({ servers: [server.address], ...over });
}

async function failureOf(asking: Promise<unknown>): Promise<string> {
  const error: unknown = await asking.then(
    () => null,
    (error: unknown) => error,
  );
  expect(error).toBeInstanceOf(DnsFailure);
  return (error as DnsFailure).message;
}

describe("a DNS client", () => {
  test("finds the addresses of a name, and how long they hold", async () => {
    server.setAddresses("api.test", ["10.0.0.1", "10.0.0.2"], 17);
    expect(await client().addresses("api.test", signal)).toEqual({ records: ["10.0.0.1", "10.0.0.2"], ttlMs: 17_000 });
  });

  test("asks anew each time: what has changed is seen at once", async () => {
    const dns = client();
    server.setAddresses("move.test", ["10.0.0.1"], 3600);
    await dns.addresses("move.test", signal);
    server.setAddresses("move.test", ["10.0.0.9"], 3600);
    expect((await dns.addresses("move.test", signal)).records).toEqual(["10.0.0.9"]);
  });

  test("takes IPv4 where there is any, unless told otherwise", async () => {
    server.setAddresses("dual.test", ["10.0.0.1", "fd00::1"]);
    server.setAddresses("six.test", ["fd00::6"]);
    const found = async (family: "auto" | "ipv4" | "ipv6" | "both", name: string) =>
      (await client({ family }).addresses(name, signal)).records;
    expect(await found("auto", "dual.test")).toEqual(["10.0.0.1"]);
    expect(await found("auto", "six.test")).toEqual(["fd00::6"]);
    expect(await found("ipv4", "six.test")).toEqual([]);
    expect(await found("ipv6", "dual.test")).toEqual(["fd00::1"]);
    expect(await found("both", "dual.test")).toEqual(["10.0.0.1", "fd00::1"]);
  });

  test("writes an IPv4 address inside an IPv6 one as what it is", async () => {
    server.setAddresses("mapped.test", ["::ffff:a9fe:a9fe"]);
    expect((await client().addresses("mapped.test", signal)).records).toEqual(["169.254.169.254"]);
  });

  test("finds the services of a name with their TTL", async () => {
    server.setServices("_http._tcp.api.test", ["10 5 8080 a.test", "20 0 8081 B.test", "0 0 0 ."], 12);
    expect(await client().services("_http._tcp.api.test", signal)).toEqual({
      records: [
        { priority: 10, weight: 5, port: 8080, target: "a.test" },
        { priority: 20, weight: 0, port: 8081, target: "b.test" },
        { priority: 0, weight: 0, port: 0, target: "" },
      ],
      ttlMs: 12_000,
    });
  });

  test("follows aliases, and the shortest TTL on the way holds", async () => {
    server.setAlias("www.test", "cdn.test", 5);
    server.setAlias("cdn.test", "edge.test", 90);
    server.setAddresses("edge.test", ["10.0.0.7"], 60);
    expect(await client().addresses("www.test", signal)).toEqual({ records: ["10.0.0.7"], ttlMs: 5_000 });
  });

  test("asks for an alias that the reply leaves open", async () => {
    server.setAlias("half.test", "rest.test", 5);
    server.setAddresses("rest.test", ["10.0.0.8"], 60);
    server.misbehaviour = (_, good) => {
      if (!good.includes("half")) return [good];
      const onlyAlias = Buffer.from(good);
      onlyAlias.writeUInt16BE(1, 6);
      return [onlyAlias];
    };
    expect(await client().addresses("half.test", signal)).toEqual({ records: ["10.0.0.8"], ttlMs: 5_000 });
    expect(server.asked).toEqual(["half.test A", "rest.test A"]);
  });

  test("gives up on aliases that lead in a circle", async () => {
    const ring = Buffer.from("\x04ring\x04test\x00", "latin1");
    server.misbehaviour = (query) => {
      const head = Buffer.from(query);
      head.writeUInt16BE(0x8180, 2);
      head.writeUInt16BE(1, 6);
      const fixed = Buffer.from([0, 5, 0, 1, 0, 0, 0, 9, 0, ring.length]);
      return [Buffer.concat([head, Buffer.from([0xc0, 12]), fixed, ring])];
    };
    expect(await client().addresses("ring.test", signal)).toMatchObject({ records: [] });
  });

  test("says that there is nothing where there is nothing", async () => {
    server.setServices("only-srv.test", ["0 0 1 x.test"]);
    for (const name of ["nobody.test", "only-srv.test"]) {
      expect(await client().addresses(name, signal)).toEqual({ records: [], ttlMs: 5_000 });
    }
  });

  test("asks by TCP for what does not fit a datagram", async () => {
    const many = Array.from({ length: 60 }, (_, i) => `10.0.1.${i}`);
    server.setAddresses("many.test", many);
    expect((await client().addresses("many.test", signal)).records).toEqual(many);
    expect(server.askedByTcp).toEqual(["many.test A"]);
  });

  test("asks the next server when one refuses, fails or is away", async () => {
    const bad = await DnsServer.start();
    server.setAddresses("api.test", ["10.0.0.1"]);
    const dns = client({ servers: [bad.address, server.address] });
    for (const rcode of [1, 2, 4, 5]) {
      bad.misbehaviour = { rcode };
      expect((await dns.addresses("api.test", signal)).records).toEqual(["10.0.0.1"]);
    }
    await bad.stop();
    expect((await dns.addresses("api.test", signal)).records).toEqual(["10.0.0.1"]);
  });

  test("believes the first server that says there is nothing", async () => {
    await using other = await DnsServer.start();
    other.setAddresses("split.test", ["10.0.0.1"]);
    expect(
      (await client({ servers: [server.address, other.address] }).addresses("split.test", signal)).records,
    ).toEqual([]);
    expect(other.asked).toEqual([]);
  });

  test("says who failed, and how", async () => {
    server.misbehaviour = { rcode: DnsServer.SERVFAIL };
    expect(await failureOf(client().addresses("api.test", signal))).toContain("it failed (SERVFAIL)");
    const port = await freePort();
    const away = client({ servers: [`127.0.0.1:${port}`] });
    expect(await failureOf(away.addresses("api.test", signal))).toBe(`127.0.0.1:${port}: connection refused`);
    expect(await failureOf(client({ servers: [] }).addresses("api.test", signal))).toBe("there is no DNS server");
  });

  test("waits for a silent server only so long", async () => {
    server.misbehaviour = "silent";
    const asking = client({ patienceMs: 20, family: "ipv4" }).addresses("api.test", signal);
    expect(await failureOf(asking)).toContain("no answer in time");
    expect(server.asked).toEqual(["api.test A", "api.test A"]);
  });

  test("ends when nobody waits any more", async () => {
    server.misbehaviour = "silent";
    const abort = new AbortController();
    const asking = client({ patienceMs: 60_000 }).addresses("api.test", abort.signal);
    abort.abort();
    await failureOf(asking);
  });

  test("shows what one family has when a server chokes on the other", async () => {
    server.setAddresses("choke.test", ["10.0.0.1", "fd00::1"]);
    server.misbehaviour = (query, good) => {
      const isSix = query.readUInt16BE(query.length - 4) === 28;
      if (isSix) good.writeUInt16BE(0x8182, 2);
      return [good];
    };
    expect((await client({ family: "both" }).addresses("choke.test", signal)).records).toEqual(["10.0.0.1"]);
    server.setAddresses("choke.test", ["fd00::1"]);
    expect(await failureOf(client().addresses("choke.test", signal))).toContain("SERVFAIL");
  });

  test("takes the addresses of servers and nothing else", () => {
    expect(parseServer("10.0.0.2")).toEqual({ host: "10.0.0.2", port: 53 });
    expect(parseServer("10.0.0.2:5353")).toEqual({ host: "10.0.0.2", port: 5353 });
    expect(parseServer("fd00::2")).toEqual({ host: "fd00::2", port: 53 });
    expect(parseServer("[fd00::2]:54")).toEqual({ host: "fd00::2", port: 54 });
    for (const wrong of ["", "dns.test", "10.0.0.2:0", "10.0.0.2:70000", "10.0.0.2:x", "[10.0.0.2"]) {
      expect(() => parseServer(wrong)).toThrow("expected the address of a DNS server");
    }
  });
});
