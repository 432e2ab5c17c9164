import { describe, expect, test } from "bun:test";
import type { RateKeySpec } from "../../src/model/traffic-spec.ts";
import { compileRateKey } from "../../src/proxy/limits/rate-keys.ts";
import { exchangeFor } from "./rate-rig.ts";

const header: RateKeySpec = { kind: "header", name: "x-tenant" };
const claim: RateKeySpec = { kind: "claim", name: "org" };
const clientIp: RateKeySpec = { kind: "clientIp" };
const route: RateKeySpec = { kind: "route" };
const identity: RateKeySpec = { kind: "identity" };

const key = (by: RateKeySpec[], parts: Parameters<typeof exchangeFor>[0] = {}) =>
  compileRateKey(by, false).of(exchangeFor(parts));
const withClaims = (claims: Record<string, unknown>) => ({ identity: { id: "ann", by: "jwt", claims } });

describe("a key by client address", () => {
  test("is the address, of IPv6 its network", () => {
    expect(key([clientIp], { clientIp: "203.0.113.9" })).toBe("203.0.113.9");
    expect(key([clientIp], { clientIp: "2001:db8::1" })).toBe(key([clientIp], { clientIp: "2001:db8::2" }));
  });
});

describe("a key by route", () => {
  test("is one for all clients, and before routing one for everything", () => {
    expect(key([route], { route: "api", clientIp: "192.0.2.1" })).toBe(
      key([route], { route: "api", clientIp: "192.0.2.2" }),
    );
    expect(key([route], { route: "api" })).not.toBe(key([route], { route: "web" }));
    expect(key([route], { clientIp: "192.0.2.1" })).toBe(key([route], { clientIp: "192.0.2.2" }));
  });
});

describe("a key by header", () => {
  test("is the value, whoever sends it and however the name is written", () => {
    const one = key([header], { headers: { "X-Tenant": "acme" }, clientIp: "192.0.2.1" });
    expect(key([header], { headers: { "x-tenant": "acme" }, clientIp: "192.0.2.2" })).toBe(one);
    expect(key([header], { headers: { "x-tenant": "other" } })).not.toBe(one);
    expect(key([{ kind: "header", name: "X-Tenant" }], { headers: { "x-tenant": "acme" } })).toBe(one);
  });

  test("is the client's address without the header, with an empty one, and with two", () => {
    const address = key([clientIp]);
    expect(key([header])).toBe(address);
    expect(key([header], { headers: { "x-tenant": "" } })).toBe(address);
    expect(key([header], { headers: { "x-tenant": "acme", "X-Tenant": "other" } })).toBe(address);
  });

  test("cannot be made somebody's address", () => {
    expect(key([header], { headers: { "x-tenant": "203.0.113.9" } })).not.toBe(
      key([clientIp], { clientIp: "203.0.113.9" }),
    );
  });

  test("leaves this process only as a hash", () => {
    const secret = compileRateKey([header], true).of(exchangeFor({ headers: { "x-tenant": "s3cr3t" } }));
    expect(secret).not.toContain("s3cr3t");
    expect(secret.length).toBeLessThan(50);
    expect(compileRateKey([header], true).of(exchangeFor({ headers: { "x-tenant": "s3cr3u" } }))).not.toBe(secret);
  });
});

describe("a key by identity", () => {
  test("is who it is and who says so; the client's address for nobody", () => {
    const ann = key([identity], { identity: { id: "ann", by: "jwt" }, clientIp: "192.0.2.7" });
    expect(key([identity], { identity: { id: "ann", by: "jwt" } })).toBe(ann);
    expect(key([identity], { identity: { id: "ann", by: "apiKey" } })).not.toBe(ann);
    expect(key([identity], { identity: { id: "b", by: "a" } })).not.toBe(
      key([identity], { identity: { id: "", by: "ab" } }),
    );
    expect(key([identity])).toBe(key([clientIp]));
  });
});

describe("a key by claim", () => {
  test("is its value where that is one", () => {
    expect(key([claim], withClaims({ org: "acme" }))).toBe(key([claim], withClaims({ org: "acme", sub: "other" })));
    expect(key([claim], withClaims({ org: 7 }))).toBe(key([claim], withClaims({ org: "7" })));
    expect(key([claim], withClaims({ org: "acme" }))).not.toBe(key([claim], withClaims({ org: "other" })));
  });

  test("is the client's address where there is none, or more than one", () => {
    for (const claims of [{}, { org: "" }, { org: null }, { org: ["a", "b"] }, { org: { id: 1 } }])
      expect(key([claim], withClaims(claims))).toBe(key([clientIp]));
    expect(key([claim], { identity: { id: "ann", by: "apiKey" } })).toBe(key([clientIp]));
    expect(key([{ kind: "claim", name: "constructor" }], withClaims({}))).toBe(key([clientIp]));
  });
});

describe("a key of several parts", () => {
  test("differs when one of them does", () => {
    const by = [route, header];
    const one = key(by, { route: "api", headers: { "x-tenant": "acme" } });
    expect(key(by, { route: "api", headers: { "x-tenant": "acme" }, clientIp: "192.0.2.99" })).toBe(one);
    expect(key(by, { route: "web", headers: { "x-tenant": "acme" } })).not.toBe(one);
    expect(key(by, { route: "api", headers: { "x-tenant": "other" } })).not.toBe(one);
  });

  test("cannot be cut another way", () => {
    const by: RateKeySpec[] = [
      { kind: "header", name: "a" },
      { kind: "header", name: "b" },
    ];
    const keys = ["1:=", "=", "1", "11:=x", "=2:=", "x"].flatMap((a) =>
      ["1:=", "=", "1", "11:=x", "=2:=", "x"].map((b) => key(by, { headers: { a, b } })),
    );
    expect(new Set(keys).size).toBe(keys.length);
  });

  test("puts the client's address where one is missing", () => {
    const one = key([route, identity], { route: "api", clientIp: "192.0.2.1" });
    expect(key([route, identity], { route: "api", clientIp: "192.0.2.2" })).not.toBe(one);
    expect(key([route, clientIp], { route: "api", clientIp: "192.0.2.1" })).toBe(one);
  });
});

describe("what a limit counts by", () => {
  test("is told in words", () => {
    expect(compileRateKey([route, header], false).by).toBe("route+header:x-tenant");
    expect(compileRateKey([claim], false).by).toBe("claim:org");
  });

  test("is known before authentication unless it is about who it is", () => {
    expect([[clientIp], [route, header]].map((by) => compileRateKey(by, false).needsIdentity)).toEqual([false, false]);
    expect([[identity], [route, claim]].map((by) => compileRateKey(by, false).needsIdentity)).toEqual([true, true]);
  });
});
