import { describe, expect, test } from "bun:test";
import { createAddressVet } from "../../src/control/discovery/registry/address-vet.ts";
import { leadsToOurs } from "../../src/proxy/upstream/own-addresses.ts";
import { DialGuard } from "../../src/proxy/upstream/dial-guard.ts";

const NAMES: Readonly<Record<string, readonly string[]>> = {
  "ok.internal": ["10.0.0.5"],
  "both.internal": ["169.254.169.254", "10.0.0.5"],
  "metadata.internal": ["169.254.169.254"],
  "rebind.test": ["127.0.0.1"],
  localhost: ["127.0.0.1", "::1"],
};

async function resolve(name: string): Promise<readonly string[]> {
  const known = NAMES[name];
  if (known === undefined) throw new Error("no such name");
  return known;
}

function vetOf(options: { blocked?: string[]; allowed?: string[]; admin?: { host: string; port: number } } = {}) {
  const guard = new DialGuard(options.blocked ?? [], options.allowed ?? null, () => 0, resolve);
  const isOurs = leadsToOurs([options.admin ?? { host: "127.0.0.1", port: 9000 }], () => ["10.1.2.3", "fd00::7"]);
  const vet = createAddressVet({ guard, isOurs });
  return (address: string, port = 80) => vet({ scheme: "http", address, port });
}

describe("an address that is registered", () => {
  for (const address of ["10.0.0.1", "127.0.0.1", "::1", "fd00::1", "ok.internal", "both.internal", "localhost"]) {
    test(`may be ${address}`, async () => expect(await vetOf()(address)).toBeNull());
  }

  const forbidden = [
    "169.254.169.254",
    "169.254.0.7",
    "fe80::1",
    "fd00:ec2::254",
    "168.63.129.16",
    "100.100.100.200",
    "0.0.0.0",
    "::",
    "64:ff9b::a9fe:a9fe",
    "metadata.internal",
  ];
  for (const address of forbidden) {
    test(`may not be ${address}`, async () => expect(await vetOf()(address)).toContain("link-local"));
  }

  test("may be a name that nobody knows yet", async () => {
    expect(await vetOf()("later.internal")).toBeNull();
  });

  test("may be a name whose server does not answer", async () => {
    const guard = new DialGuard(
      [],
      null,
      () => 0,
      () => new Promise(() => undefined),
    );
    const vet = createAddressVet({ guard, isOurs: () => false, patienceMs: 1 });
    expect(await vet({ scheme: "http", address: "slow.internal", port: 80 })).toBeNull();
  });

  test("is held to security.blockedIPs and security.allowedHosts", async () => {
    expect(await vetOf({ blocked: ["10.0.0.0/8"] })("10.0.0.1")).toContain("security.blockedIPs");
    expect(await vetOf({ blocked: ["10.0.0.0/8"] })("ok.internal")).toContain("security.blockedIPs");
    const only = vetOf({ allowed: ["*.internal"] });
    expect(await only("ok.internal")).toBeNull();
    expect(await only("10.0.0.1")).toContain("security.allowedHosts");
  });

  test("may not be our admin listener, however it is spelled", async () => {
    const vet = vetOf();
    for (const address of ["127.0.0.1", "::ffff:127.0.0.1", "localhost", "rebind.test", "0.0.0.0"]) {
      expect(await vet(address, 9000)).toBe("it is Sluice's own admin listener");
    }
    expect(await vet("127.0.0.1", 9001)).toBeNull();
    expect(await vet("10.1.2.3", 9000)).toBeNull();
  });
});

describe("what leads to a listener of ours", () => {
  const leads = (host: string, address: string) =>
    leadsToOurs([{ host, port: 9000 }], () => ["10.1.2.3", "fd00::7"])(address, 9000);

  const cases: Array<[host: string, address: string, does: boolean]> = [
    ["0.0.0.0", "127.0.0.9", true],
    ["0.0.0.0", "10.1.2.3", true],
    ["0.0.0.0", "10.1.2.4", false],
    ["::", "::1", true],
    ["::", "FD00:0::0007", true],
    ["::", "10.1.2.3", true],
    ["localhost", "127.0.0.1", true],
    ["localhost", "::1", true],
    ["localhost", "10.1.2.3", false],
    ["127.0.0.1", "127.0.0.2", false],
    ["127.0.0.1", "0.0.0.0", true],
    ["::1", "::", true],
    ["10.1.2.3", "10.1.2.3", true],
    ["10.1.2.3", "127.0.0.1", false],
    ["fd00::7", "fd00:0:0::7", true],
  ];
  for (const [host, address, does] of cases) {
    test(`${address} ${does ? "does" : "does not"} where it is bound to ${host}`, () => {
      expect(leads(host, address)).toBe(does);
    });
  }

  test("is on its port only, and nothing leads to none", () => {
    expect(leadsToOurs([{ host: "0.0.0.0", port: 9000 }])("127.0.0.1", 9001)).toBe(false);
    expect(leadsToOurs([])("127.0.0.1", 9000)).toBe(false);
  });

  test("is asked of the machine itself where nobody says otherwise", () => {
    expect(leadsToOurs([{ host: "::", port: 9000 }])("127.0.0.1", 9000)).toBe(true);
  });
});
