import { expect, test } from "bun:test";
import fc from "fast-check";
import { AddressSet, clientAddress } from "../../src/proxy/client-address.ts";

test("no spelling of an address that a client may write makes its reader throw", () => {
  const trusted = new AddressSet(["10.0.0.0/8", "2001:db8::/32"]);
  // The runtime's URL refuses this one, and isIP takes it.
  expect(clientAddress("10.0.0.1", ["::0:0:0:0:0.0.0.0"], trusted)).toBe("::0:0:0:0:0.0.0.0");
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.ipV6(), fc.ipV4Extended(), fc.string()), { maxLength: 4 }), (hops) => {
      expect(typeof clientAddress("10.0.0.1", hops, trusted)).toBe("string");
    }),
  );
});
