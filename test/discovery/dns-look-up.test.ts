import { describe, expect, test } from "bun:test";
import { DnsFailure } from "../../src/control/discovery/dns/dns-exchange.ts";
import { lookUp, type TargetMemory } from "../../src/control/discovery/dns/dns-look-up.ts";
import { parseDnsSpec } from "../../src/control/discovery/dns/dns-spec.ts";
import { MachineResolver } from "../../src/control/discovery/dns/machine-resolver.ts";
import { FakeResolver, specOf } from "./dns-kit.ts";

const { signal } = new AbortController();
const SERVICE = "_http._tcp.api.test";

async function ask(text: string, resolver: FakeResolver, memory: TargetMemory = new Map()): Promise<string[]> {
  const { endpoints } = await lookUp(specOf(text), resolver, memory, signal);
  return endpoints.map(({ host, port, weight }) => `${host}:${port} ${weight}`);
}

describe("what is written under dns:", () => {
  const good: Array<[text: string, key: string, kind: string]> = [
    ["api.internal:8080", "http://api.internal:8080", "address"],
    ["API.Internal.:8080", "http://api.internal:8080", "address"],
    ["https://api.internal:8443", "https://api.internal:8443", "address"],
    ["api:80", "http://api:80", "address"],
    ["_http._tcp.api.internal", "http://_http._tcp.api.internal", "srv"],
    ["_https._tcp.api.internal", "https://_https._tcp.api.internal", "srv"],
    ["http://_https._tcp.api.internal", "http://_https._tcp.api.internal", "srv"],
    ["_grpc._tcp.api.internal.", "http://_grpc._tcp.api.internal", "srv"],
  ];
  for (const [text, key, kind] of good) {
    test(`may be ${text}`, () => expect(parseDnsSpec(text)).toMatchObject({ key, kind }));
  }

  const wrong: Array<[text: string, says: string]> = [
    ["api.internal", "has no port: write api.internal:80, or a service such as _http._tcp.api.internal"],
    ["_http._tcp.api.internal:80", "the ports of a service are in its SRV records"],
    ["10.0.0.1:80", "is an address"],
    ["[::1]:80", "is an address"],
    ["api.internal:0", "from 1 to 65535"],
    ["api.internal:70000", "from 1 to 65535"],
    ["http://api.internal:80/x", "expected a name and port"],
    ["ftp://api.internal:80", "expected a name and port"],
    ["a b:80", "expected a name and port"],
    ["api..internal:80", "expected a name and port"],
    [`${"x".repeat(64)}.test:80`, "expected a name and port"],
    [`${"x.".repeat(130)}test:80`, "expected a name and port"],
    ["", "expected a name and port"],
    ["api:80\n", "expected a name and port"],
  ];
  for (const [text, says] of wrong) {
    test(`may not be ${JSON.stringify(text.slice(0, 40))}`, () => expect(parseDnsSpec(text)).toContain(says));
  }
});

describe("a name with addresses", () => {
  test("is an endpoint for each, in one order, and says what it was resolved from", async () => {
    const resolver = new FakeResolver().has("api.test", ["10.0.0.2", "10.0.0.1", "10.0.0.2"], 9_000);
    expect(await lookUp(specOf("https://api.test:8443"), resolver, new Map(), signal)).toEqual({
      endpoints: [
        { scheme: "https", host: "10.0.0.1", port: 8443, weight: 1, name: "api.test" },
        { scheme: "https", host: "10.0.0.2", port: 8443, weight: 1, name: "api.test" },
      ],
      ttlMs: 9_000,
    });
  });

  test("has at most 256", async () => {
    const many = Array.from({ length: 300 }, (_, i) => `10.0.${i >> 8}.${i & 255}`);
    expect(await ask("api.test:80", new FakeResolver().has("api.test", many))).toHaveLength(256);
  });
});

describe("a service", () => {
  const resolver = () =>
    new FakeResolver().has("a.test", ["10.0.0.1"]).has("b.test", ["10.0.0.2"], 7_000).has("c.test", ["10.0.0.3"]);

  test("has the ports and weights of its records, and holds as long as the shortest of all it took", async () => {
    const dns = resolver().serves(SERVICE, ["1 30 8080 a.test", "1 10 8081 b.test"], 60_000);
    const found = await lookUp(specOf(SERVICE), dns, new Map(), signal);
    expect(found).toEqual({
      endpoints: [
        { scheme: "http", host: "10.0.0.1", port: 8080, weight: 3, name: "a.test" },
        { scheme: "http", host: "10.0.0.2", port: 8081, weight: 1, name: "b.test" },
      ],
      ttlMs: 7_000,
    });
  });

  test("uses the lowest priority only, and asks for nobody else", async () => {
    const dns = resolver().serves(SERVICE, ["20 1 80 b.test", "10 1 80 a.test", "10 1 80 c.test"]);
    expect(await ask(SERVICE, dns)).toEqual(["10.0.0.1:80 1", "10.0.0.3:80 1"]);
    expect(dns.asked).not.toContain("b.test");
  });

  test("uses the next priority when nothing is left of the first", async () => {
    const dns = resolver().serves(SERVICE, ["10 1 80 gone.test", "20 1 80 b.test", "30 1 80 c.test"]);
    expect(await ask(SERVICE, dns)).toEqual(["10.0.0.2:80 1"]);
  });

  test("shares a target's weight among its addresses", async () => {
    const dns = resolver()
      .has("two.test", ["10.1.0.1", "10.1.0.2"])
      .serves(SERVICE, ["0 1 80 two.test", "0 1 80 a.test"]);
    expect(await ask(SERVICE, dns)).toEqual(["10.0.0.1:80 2", "10.1.0.1:80 1", "10.1.0.2:80 1"]);
  });

  test("treats all alike whose weight is 0, and hardly ever asks one whose alone is", async () => {
    expect(await ask(SERVICE, resolver().serves(SERVICE, ["0 0 80 a.test", "0 0 80 b.test"]))).toEqual([
      "10.0.0.1:80 1",
      "10.0.0.2:80 1",
    ]);
    expect(await ask(SERVICE, resolver().serves(SERVICE, ["0 0 80 a.test", "0 5 80 b.test"]))).toEqual([
      "10.0.0.1:80 1",
      "10.0.0.2:80 60",
    ]);
  });

  test("never weighs more than an endpoint may", async () => {
    const dns = resolver().serves(SERVICE, ["0 65535 80 a.test", "0 65534 80 b.test"]);
    const { endpoints } = await lookUp(specOf(SERVICE), dns, new Map(), signal);
    expect(Math.max(...endpoints.map(({ weight }) => weight))).toBeLessThanOrEqual(1_000_000);
  });

  test("that is decidedly nowhere is nothing", async () => {
    expect(await ask(SERVICE, resolver().serves(SERVICE, ["0 0 0 "]))).toEqual([]);
    expect(await ask(SERVICE, resolver().serves(SERVICE, ["0 0 80 "]))).toEqual([]);
    expect(await ask(SERVICE, resolver())).toEqual([]);
  });

  test("keeps what it knew of a target that cannot be resolved for a while, and of nobody who has left", async () => {
    const memory: TargetMemory = new Map();
    const dns = resolver().serves(SERVICE, ["0 1 80 a.test", "0 1 80 b.test"]);
    await ask(SERVICE, dns, memory);
    dns.fails("a.test").has("b.test", ["10.0.0.9"]);
    expect(await ask(SERVICE, dns, memory)).toEqual(["10.0.0.1:80 1", "10.0.0.9:80 1"]);
    dns.serves(SERVICE, ["0 1 80 b.test"]);
    expect(await ask(SERVICE, dns, memory)).toEqual(["10.0.0.9:80 1"]);
    expect([...memory.keys()]).toEqual(["b.test"]);
  });

  test("is not nothing while a target's server fails", async () => {
    const dns = resolver().fails("x.test").serves(SERVICE, ["0 1 80 x.test"]);
    expect(await ask(SERVICE, dns).catch((error: unknown) => error)).toBeInstanceOf(DnsFailure);
    dns.serves(SERVICE, ["0 1 80 x.test", "1 1 80 a.test"]);
    expect(await ask(SERVICE, dns)).toEqual(["10.0.0.1:80 1"]);
  });

  test("is asked of at most 64 targets", async () => {
    const targets = Array.from({ length: 100 }, (_, i) => `0 1 80 t${i}.test`);
    const dns = resolver().serves(SERVICE, targets);
    await ask(SERVICE, dns);
    expect(dns.asked).toHaveLength(65);
  });
});

describe("a name of the machine", () => {
  const hosts = async () =>
    "127.0.0.1 localhost\n# 10.9.9.9 ghost\n::1 localhost ip6\n10.0.0.5\tDB.internal db # the base\nnonsense x\n";
  const bySystem = async (name: string) => {
    if (name === "api") return ["10.0.0.6", "fd00::6"];
    throw new Error("ENOTFOUND");
  };
  const machine = (dns: FakeResolver, family: "auto" | "both" = "auto") =>
    new MachineResolver({ dns, hosts, bySystem, family });

  test("is what its hosts file says, whoever else knows it", async () => {
    const dns = new FakeResolver().has("db.internal", ["10.6.6.6"]);
    expect(await machine(dns).addresses("db.internal", signal)).toEqual({ records: ["10.0.0.5"], ttlMs: 5_000 });
    expect((await machine(dns).addresses("localhost", signal)).records).toEqual(["127.0.0.1"]);
    expect((await machine(dns, "both").addresses("localhost", signal)).records).toEqual(["127.0.0.1", "::1"]);
    expect(dns.asked).toEqual([]);
  });

  test("is what DNS says, for as long as it says, when it is not in there", async () => {
    const dns = new FakeResolver().has("ghost", ["10.0.0.7"], 90_000);
    expect(await machine(dns).addresses("ghost", signal)).toEqual({ records: ["10.0.0.7"], ttlMs: 90_000 });
  });

  test("is what the machine finds by its search domains when DNS has nothing", async () => {
    expect((await machine(new FakeResolver()).addresses("api", signal)).records).toEqual(["10.0.0.6"]);
    for (const name of ["nobody", "ghost", "base"])
      expect((await machine(new FakeResolver()).addresses(name, signal)).records).toEqual([]);
  });

  test("is unknown, not gone, while DNS is away", async () => {
    const asking = machine(new FakeResolver().fails("api")).addresses("api", signal);
    expect(await asking.catch((error: unknown) => error)).toBeInstanceOf(DnsFailure);
  });

  test("is found without a hosts file, too", async () => {
    const dns = new FakeResolver().has("a.test", ["10.0.0.1"]);
    const machine = new MachineResolver({ dns, bySystem, hosts: () => Promise.reject(new Error("ENOENT")) });
    expect((await machine.addresses("a.test", signal)).records).toEqual(["10.0.0.1"]);
  });
});
