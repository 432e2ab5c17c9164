import { describe, expect, test } from "bun:test";
import { RegistryRefusal } from "../../src/control/discovery/registry/instance.ts";
import { readJson } from "../../src/control/discovery/registry/json-body.ts";
import { readRegistration } from "../../src/control/discovery/registry/registration.ts";

const GOOD = { id: "my-api-1", service: "my-api", address: "localhost", port: 8001 };

function read(over: Record<string, unknown> = {}) {
  return readRegistration({ ...GOOD, ...over }).registration;
}

function refused(work: () => unknown): RegistryRefusal {
  try {
    work();
  } catch (error) {
    if (error instanceof RegistryRefusal) return error;
    throw error;
  }
  throw new Error("it was taken");
}

const bytes = (text: string) => new TextEncoder().encode(text);

describe("a registration", () => {
  test("is what FluxGate's quickstart says", () => {
    expect(read()).toEqual({ ...GOOD, scheme: "http", weight: 1, metadata: {}, ttlMs: null });
  });

  test("may have numbers as text and any words as metadata", () => {
    const metadata = { version: "2.0", weight: "2", region: "us-west", shard: 7, beta: true };
    expect(read({ port: "8080", metadata })).toMatchObject({
      port: 8080,
      weight: 2,
      metadata: { version: "2.0", weight: "2", region: "us-west", shard: "7", beta: "true" },
    });
  });

  test("with something else than words as metadata is refused, whatever it says it is as text", () => {
    for (const weight of [{ toString: 0 }, { valueOf: null, toString: null }, [1], null])
      expect(refused(() => read({ metadata: { weight } })).problems[0]!.path).toBe("metadata.weight");
  });

  const addresses: Array<[given: string, taken: string]> = [
    ["10.0.1.100", "10.0.1.100"],
    ["Api.Internal", "api.internal"],
    ["api.internal.", "api.internal"],
    ["my_api", "my_api"],
    ["::1", "::1"],
    ["[fd00::1]", "fd00::1"],
    ["::ffff:10.0.0.1", "10.0.0.1"],
  ];
  for (const [given, taken] of addresses) {
    test(`at ${given} is at ${taken}`, () => expect(read({ address: given }).address).toBe(taken));
  }

  test("says how long it holds as a duration, or not at all", () => {
    expect(read({ ttl: "30s" }).ttlMs).toBe(30_000);
    expect(read({ ttl: 30_000 }).ttlMs).toBe(30_000);
    expect(read({ ttl: null }).ttlMs).toBeNull();
    expect(read({ ttl: "" }).ttlMs).toBeNull();
  });

  test("tells what it does not know", () => {
    const { ignored } = readRegistration({ ...GOOD, metdata: {}, tags: [] });
    expect(ignored).toEqual(["metdata", "tags"]);
  });

  const wrong: Array<[what: string, over: Record<string, unknown>, path: string, says: string]> = [
    ["without an id", { id: undefined }, "id", "is missing"],
    ["with an id that is a number", { id: 7 }, "id", "expected text, got 7"],
    ["with a slash in its id", { id: "a/b" }, "id", "expected 1 to 128 letters"],
    ["with an id without end", { id: "x".repeat(129) }, "id", "expected 1 to 128 letters"],
    ["of a service with a slash", { service: "a/b" }, "service", "expected 1 to 64 letters"],
    ["of a service called ..", { service: ".." }, "service", "expected 1 to 64 letters"],
    ["of a service with a line break", { service: "a\n" }, "service", "expected 1 to 64 letters"],
    ["of a service called :id", { service: ":id" }, "service", "expected 1 to 64 letters"],
    ["of a service called *", { service: "*" }, "service", "expected 1 to 64 letters"],
    ["of a service with an @", { service: "web@docker" }, "service", "expected 1 to 64 letters"],
    ["without an address", { address: undefined }, "address", "is missing"],
    ["at a URL", { address: "http://a" }, "address", "expected an IP address or a host name"],
    ["at an address with a port", { address: "a:80" }, "address", "expected an IP address or a host name"],
    ["at a socket", { address: "unix:/var/run/docker.sock" }, "address", "expected an IP address or a host name"],
    ["at another spelling of loopback", { address: "127.1" }, "address", "expected an IP address or a host name"],
    ["at one as a number", { address: "2130706433" }, "address", "expected an IP address or a host name"],
    ["at one in hex", { address: "0x7f.0.0.0x1" }, "address", "expected an IP address or a host name"],
    ["at one in hex without digits", { address: "127.0.0.0x" }, "address", "expected an IP address or a host name"],
    ["at one with a zone", { address: "fe80::1%eth0" }, "address", "expected an IP address or a host name"],
    ["at one with credentials", { address: "u@h" }, "address", "expected an IP address or a host name"],
    ["at one with an injected header", { address: "a\r\nx: y" }, "address", "expected an IP address or a host name"],
    ["at an empty address", { address: "" }, "address", "expected an IP address or a host name"],
    ["on port 0", { port: 0 }, "port", "from 1 to 65535, got 0"],
    ["on port 65536", { port: 65_536 }, "port", "from 1 to 65535"],
    ["on a port beyond numbers", { port: JSON.parse("1e999") as number }, "port", "got Infinity"],
    ["on half a port", { port: 80.5 }, "port", "from 1 to 65535"],
    ["on a port in hex", { port: "0x50" }, "port", "from 1 to 65535"],
    ["on a list of ports", { port: [80] }, "port", "got a list"],
    ["with metadata as a list", { metadata: [] }, "metadata", "expected an object, got a list"],
    ["with metadata in metadata", { metadata: { a: {} } }, "metadata.a", "got an object"],
    ["with a word without end", { metadata: { a: "x".repeat(257) } }, "metadata.a", "at most 256 characters"],
    ["with a line break in a word", { metadata: { a: "x\ny" } }, "metadata.a", "without control characters"],
    ["with __proto__ in metadata", { metadata: JSON.parse('{"__proto__":"x"}') }, "metadata", "is not a key"],
    ["with a negative weight", { metadata: { weight: "-1" } }, "metadata.weight", "from 0 to 1000000"],
    ["with half a weight", { metadata: { weight: "0.5" } }, "metadata.weight", "from 0 to 1000000"],
    ["with a scheme that is none", { metadata: { scheme: "gopher" } }, "metadata.scheme", "http or https"],
    ["with a health path that is none", { metadata: { health: "health" } }, "metadata.health", "such as /health"],
    ["with a break in its health path", { metadata: { healthPath: "/a b" } }, "metadata.health", "such as /health"],
    ["with a ttl in bare seconds", { ttl: 30 }, "ttl", "from 1s to 24h"],
    ["with a ttl of a year", { ttl: "365d" }, "ttl", "from 1s to 24h"],
    ["with a ttl that is none", { ttl: "soon" }, "ttl", "from 1s to 24h"],
    ["with a ttl that is a list", { ttl: ["30s"] }, "ttl", "from 1s to 24h"],
  ];
  for (const [what, over, path, says] of wrong) {
    test(`${what} is refused`, () => {
      const { code, problems } = refused(() => read(over));
      expect(code).toBe("invalid_registration");
      expect(problems.map((problem) => problem.path)).toEqual([path]);
      expect(problems[0]!.message).toContain(says);
    });
  }

  test("with too many words, or too much in them, is refused", () => {
    const many = Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`k${i}`, ""]));
    expect(refused(() => read({ metadata: many })).message).toContain("at most 64");
    const much = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`k${i}`, "x".repeat(250)]));
    expect(refused(() => read({ metadata: much })).message).toContain("at most 8 KiB");
  });

  test("is told of all its mistakes at once, with what was meant", () => {
    const { problems } = refused(() => readRegistration({ id: "a", servce: "b", address: "a:80", port: "x", ttl: 30 }));
    expect(problems.map(({ path, hint }) => [path, hint])).toEqual([
      ["service", 'is "servce" meant to be it?'],
      ["address", "the port is a field of its own"],
      ["port", undefined],
      ["ttl", 'a bare number is ms: "30s"?'],
    ]);
  });

  test("that is no object is refused", () => {
    for (const value of [null, [], "x", 7, true]) {
      expect(refused(() => readRegistration(value)).message).toContain("expected a JSON object");
    }
  });
});

describe("a body", () => {
  test("of a registration is JSON, whatever white space and text are in it", () => {
    expect(readJson(bytes(' {"a": "[[[[[[[[[[\\"{{{{{{{{{{{"}\n'))).toEqual({ a: '[[[[[[[[[["{{{{{{{{{{{' });
  });

  const hostile: Array<[what: string, body: Uint8Array, code: string, says: string]> = [
    ["that is empty", bytes(" \n"), "bad_request", "got nothing"],
    ["that is no JSON", bytes("id=a"), "bad_request", "not JSON"],
    ["that ends early", bytes('{"a":'), "bad_request", "not JSON"],
    ["with two values", bytes("{}{}"), "bad_request", "not JSON"],
    ["that is not UTF-8", new Uint8Array([0x22, 0xff, 0x22]), "bad_request", "not UTF-8"],
    ["that is deep", bytes("[".repeat(60_000)), "bad_request", "deeper than 8"],
    ["that is deep in objects", bytes(`${'{"a":'.repeat(9)}1${"}".repeat(9)}`), "bad_request", "deeper than 8"],
    ["of more than 64 KiB", new Uint8Array(65_537).fill(0x20), "body_too_large", "at most 64 KiB"],
  ];
  for (const [what, body, code, says] of hostile) {
    test(`${what} is refused`, () => {
      const refusal = refused(() => readJson(body));
      expect(refusal.code).toBe(code as RegistryRefusal["code"]);
      expect(refusal.message).toContain(says);
    });
  }

  test("with __proto__ changes no prototype", () => {
    const value = readJson(bytes('{"__proto__": {"id": "a", "service": "b", "address": "c", "port": 1}}'));
    expect(refused(() => readRegistration(value)).problems.map(({ path }) => path)).toEqual([
      "id",
      "service",
      "address",
      "port",
    ]);
    expect(({} as Record<string, unknown>)["id"]).toBeUndefined();
  });
});
