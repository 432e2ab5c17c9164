import { describe, expect, test } from "bun:test";
import { testPlugin } from "sluice/testing";
import ipRestriction from "../../plugins/ip-restriction.ts";
import { pageExample } from "./page-example.ts";

async function statuses(config: unknown, clients: readonly string[]): Promise<number[]> {
  await using t = await testPlugin(ipRestriction, { config });
  return Promise.all(clients.map(async (clientIp) => (await t.request("/", { clientIp })).status));
}

describe("ip-restriction", () => {
  const cases: Array<[string, unknown, Record<string, number>]> = [
    [
      "lets in whom allow names",
      { allow: ["10.1.2.3/8", "192.0.2.1"] },
      { "10.255.0.1": 200, "11.0.0.1": 403, "192.0.2.1": 200, "192.0.2.2": 403, "::1": 403 },
    ],
    [
      "keeps out whom deny names",
      { deny: ["2001:db8::/32", "192.0.2.0/31"] },
      { "2001:db8:1::1": 403, "2001:db9::": 200, "192.0.2.1": 403, "192.0.2.2": 200 },
    ],
    ["lets deny win over allow", { allow: ["10.0.0.0/8"], deny: ["10.0.0.7"] }, { "10.0.0.6": 200, "10.0.0.7": 403 }],
    [
      "reads an IPv4 address in IPv6 form as IPv4",
      { deny: ["192.0.2.0/24"] },
      { "::ffff:192.0.2.9": 403, "::FFFF:c000:0209": 403, "0:0:0:0:0:ffff:192.0.2.9": 403, "::ffff:192.0.3.9": 200 },
    ],
    [
      "takes entries in IPv6 form for IPv4",
      { allow: ["::ffff:192.0.2.0/120", "::ffff:198.51.100.1"] },
      { "192.0.2.200": 200, "192.0.3.1": 403, "198.51.100.1": 200 },
    ],
    ["keeps the families apart", { allow: ["0.0.0.0/0"] }, { "192.0.2.1": 200, "2001:db8::1": 403, "::1": 403 }],
    ["sees through a zone", { allow: ["fe80::/10"] }, { "fe80::1%eth0": 200, "fec0::1%eth0": 403 }],
    [
      "knows short and long forms of one address",
      { allow: ["2001:DB8:0:0::0:1"] },
      { "2001:db8::1": 200, "2001:db8::2": 403 },
    ],
    ["refuses clients without an address", { deny: ["192.0.2.1"] }, { "": 403, unix: 403 }],
  ];
  for (const [name, config, expected] of cases) {
    test(name, async () => {
      expect(await statuses(config, Object.keys(expected))).toEqual(Object.values(expected));
    });
  }

  test("answers a 403 that says what the configuration says", async () => {
    await using t = await testPlugin(ipRestriction, { config: { allow: ["192.0.2.1"], message: "office only" } });
    expect(await (await t.request("/")).json()).toMatchObject({ code: "forbidden", detail: "office only" });
    expect(t.metrics["refused_total"]).toBe(1);
    expect(t.upstream.requests).toEqual([]);
  });

  for (const entry of [
    "10.0.0.0/33",
    "10.0.0.0/",
    "10.0.0",
    "10.0.0.0/8/8",
    "example.com",
    "::1/129",
    "010.0.0.1",
    "fe80::1%eth0",
    "",
    "::ffff:1.2.3.4/64",
  ]) {
    test(`does not start with ${JSON.stringify(entry)} in a list`, () => {
      expect(testPlugin(ipRestriction, { config: { deny: [entry] } })).rejects.toThrow("deny");
    });
  }

  test("does not start without any entry", () => {
    expect(testPlugin(ipRestriction, { config: {} })).rejects.toThrow("both empty");
  });

  test("does what the page says", async () => {
    const clients = ["203.0.113.7", "203.0.113.66", "2001:db8::5", "127.0.0.1", "198.51.100.1"];
    expect(await statuses(pageExample("ip-restriction"), clients)).toEqual([200, 403, 200, 200, 403]);
  });
});
