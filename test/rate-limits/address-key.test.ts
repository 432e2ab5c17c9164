import { describe, expect, test } from "bun:test";
import { isIP } from "node:net";
import fc from "fast-check";
import { addressKey } from "../../src/proxy/limits/address-key.ts";

describe("whose count an address goes to", () => {
  const same: Array<[key: string, ...addresses: string[]]> = [
    ["192.0.2.1", "192.0.2.1", "::ffff:192.0.2.1", "::FFFF:192.0.2.1", "::ffff:c000:201", "0:0:0:0:0:ffff:c000:0201"],
    ["192.0.2.1", "64:ff9b::192.0.2.1", "64:ff9b::c000:201", "0064:ff9b:0:0:0:0:c000:201"],
    ["2001:db8:0:1::/64", "2001:db8:0:1::", "2001:db8:0:1:ffff:ffff:ffff:ffff", "2001:DB8::1:0:0:0:1"],
    ["2001:db8:0:1::/64", "2001:0db8:0000:0001:0000:0000:0000:0001", "2001:db8:0:1::192.0.2.1"],
    ["0:0:0:0::/64", "::1", "::", "0::", "::0:0:0:0:0.0.0.9", "::ffff:0:c000:201"],
    ["fe80:0:0:0::/64", "fe80::1%eth0", "fe80::2%eth1", "fe80::3"],
    ["1:2:3:4::/64", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::", "1:2:3:4::8"],
    ["0:2:3:4::/64", "::2:3:4:5:6:7:8"],
  ];
  for (const [key, ...addresses] of same) {
    test(`${addresses.join(", ")} count as ${key}`, () => {
      for (const address of addresses) expect(addressKey(address)).toBe(key);
    });
  }

  test("networks of 64 bits that differ count apart", () => {
    expect(addressKey("2001:db8:0:1::1")).not.toBe(addressKey("2001:db8:0:2::1"));
    expect(addressKey("64:ff9b:0:1::1")).toBe("64:ff9b:0:1::/64");
  });

  test("what is no address stays as it is", () => {
    for (const text of ["", "unix", "a:b", ":", "1:2:3", "12345::", "1:2:3:4:5:6:7:8:9", "::g"]) {
      expect(isIP(text)).toBe(0);
      expect(addressKey(text)).toBe(text);
    }
  });

  test("whatever the last 64 bits are and however it is written, it is the same network", () => {
    const group = fc.integer({ min: 0, max: 0xffff });
    fc.assert(
      fc.property(fc.tuple(group, group, group, group, group, group, group, group), (groups) => {
        fc.pre(groups[0] > 0x64);
        const long = groups.map((part) => part.toString(16).padStart(4, "0")).join(":");
        // As the runtime writes it, the longest run of zeros left out.
        const short = new URL(`http://[${long}]/`).hostname.slice(1, -1);
        const key = `${groups
          .slice(0, 4)
          .map((part) => part.toString(16))
          .join(":")}::/64`;
        expect([addressKey(long), addressKey(short), addressKey(long.toUpperCase())]).toEqual([key, key, key]);
      }),
    );
  });
});
