import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { GatewayError } from "../../src/model/gateway-error.ts";
import { DialGuard } from "../../src/proxy/upstream/dial-guard.ts";
import { DialPolicy } from "../../src/proxy/upstream/dial-policy.ts";
import { Endpoint } from "../../src/proxy/upstream/endpoint.ts";
import { METADATA_ADDRESSES } from "./metadata-spellings.ts";

function endpoint(host: string, more: { discovered?: boolean; port?: number } = {}): Endpoint {
  return new Endpoint("o", { scheme: "http", host, port: 80, weight: 1, basePath: "", ...more });
}

/** A name server that gives one answer after the other, the last one for ever. */
class NameServer {
  asked = 0;
  readonly #answers: (readonly string[] | Error)[];

  constructor(...answers: (readonly string[] | Error)[]) {
    this.#answers = answers;
  }

  readonly resolve = async (): Promise<readonly string[]> => {
    const answer = this.#answers[Math.min(this.asked++, this.#answers.length - 1)]!;
    if (answer instanceof Error) throw answer;
    return answer;
  };
}

interface Rules {
  blocked?: string[];
  allowed?: string[];
  names?: NameServer;
}

class Stage {
  now = 0;
  readonly guard: DialGuard;

  constructor({ blocked = [], allowed, names = new NameServer(new Error("no names here")) }: Rules = {}) {
    this.guard = new DialGuard(blocked, allowed ?? null, () => this.now, names.resolve);
  }

  async verdict(of: Endpoint): Promise<readonly string[] | string> {
    const verdict = await this.guard.check(of);
    return verdict instanceof GatewayError ? verdict.kind : verdict;
  }
}

describe("the dial guard", () => {
  test.each(METADATA_ADDRESSES)("does not go to %s for a name, nor for an endpoint that was discovered", async (to) => {
    const stage = new Stage({ names: new NameServer([to]) });
    expect(await stage.verdict(endpoint("metadata.test"))).toBe("upstream_forbidden");
    expect(await stage.verdict(endpoint(to, { discovered: true }))).toBe("upstream_forbidden");
  });

  test("goes to a link-local address that the operator wrote as such, unless they block it", async () => {
    const written = endpoint("169.254.10.1");
    expect(await new Stage().verdict(written)).toEqual(["169.254.10.1"]);
    expect(await new Stage({ blocked: ["169.254.0.0/16"] }).verdict(written)).toBe("upstream_forbidden");
  });

  test("takes blockedIPs as said of an address, however it is spelled", async () => {
    const stage = new Stage({ blocked: ["10.0.0.0/8"] });
    for (const host of ["10.1.2.3", "::ffff:10.1.2.3", "::ffff:a01:203", "64:ff9b::a01:203", "2002:a01:203::"])
      expect(await stage.verdict(endpoint(host))).toBe("upstream_forbidden");
    expect(await stage.verdict(endpoint("11.1.2.3"))).toEqual(["11.1.2.3"]);
  });

  test.each(["2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "169.254.43518", "0"])(
    "judges %s as what this machine makes of it, not as a name",
    async (spelling) => {
      const guard = new DialGuard([], null, () => 0);
      for (const discovered of [true, false]) {
        const verdict = await guard.check(endpoint(spelling, { discovered }));
        expect(verdict instanceof GatewayError ? verdict.kind : verdict).toBe("upstream_forbidden");
      }
    },
  );

  test("hands over what it has checked: a name that changes its mind is not asked again before dialling", async () => {
    const names = new NameServer(["192.0.2.1"], ["169.254.169.254"]);
    const stage = new Stage({ names });
    const rebinding = endpoint("rebinding.test");
    expect(await stage.verdict(rebinding)).toEqual(["192.0.2.1"]);
    expect(await stage.verdict(rebinding)).toEqual(["192.0.2.1"]);
    expect(names.asked).toBe(1);
    stage.now = 6000;
    // What was checked serves while the name is asked again; then there is nothing left to dial.
    expect(await stage.verdict(rebinding)).toEqual(["192.0.2.1"]);
    await Promise.resolve();
    expect(await stage.verdict(rebinding)).toBe("upstream_forbidden");
  });

  test("leaves the bad half of an answer out", async () => {
    const names = new NameServer(["169.254.169.254", "192.0.2.1", "::ffff:169.254.169.254"]);
    expect(await new Stage({ names }).verdict(endpoint("half.test"))).toEqual(["192.0.2.1"]);
  });

  test("asks once for a name that many wait for", async () => {
    const names = new NameServer(["192.0.2.1"]);
    const stage = new Stage({ names });
    const popular = endpoint("popular.test");
    await Promise.all(Array.from({ length: 100 }, () => stage.verdict(popular)));
    expect(names.asked).toBe(1);
  });

  test("keeps the last good answer while the name cannot be resolved", async () => {
    const stage = new Stage({ names: new NameServer(["192.0.2.1"], new Error("SERVFAIL")) });
    const flaky = endpoint("flaky.test");
    for (const now of [0, 6000, 6001, 20_000, 20_001]) {
      stage.now = now;
      expect(await stage.verdict(flaky)).toEqual(["192.0.2.1"]);
    }
  });

  test("checks anew with the rules of a new configuration", async () => {
    const names = new NameServer(["192.0.2.1"]);
    const kept = endpoint("kept.test");
    expect(await new Stage({ names }).verdict(kept)).toEqual(["192.0.2.1"]);
    expect(await new Stage({ names, blocked: ["192.0.2.0/24"] }).verdict(kept)).toBe("upstream_forbidden");
  });

  test("compares allowedHosts without case and trailing dot, and lets no suffix pass for a name", async () => {
    const names = new NameServer(["192.0.2.1"]);
    const stage = new Stage({ names, allowed: ["api.example.com", "*.corp", "192.0.2.7"] });
    for (const host of ["api.example.com", "API.Example.COM.", "a.corp", "a.b.corp."])
      expect(await stage.verdict(endpoint(host))).toEqual(["192.0.2.1"]);
    expect(await stage.verdict(endpoint("192.0.2.7"))).toEqual(["192.0.2.7"]);
    for (const host of ["evilapi.example.com", "api.example.com.evil.test", "corp", "evilcorp", "192.0.2.8"])
      expect(await stage.verdict(endpoint(host))).toBe("upstream_forbidden");
  });

  test("leaves unix sockets to the operator", async () => {
    const socket = "/var/run/docker.sock";
    expect(await new Stage({ allowed: [] }).verdict(endpoint(socket, { port: 0 }))).toEqual([socket]);
    expect(await new Stage().verdict(endpoint(socket, { port: 0, discovered: true }))).toBe("upstream_forbidden");
  });
});

test("every IPv6 spelling that carries an IPv4 address is judged as that address", () => {
  const policy = new DialPolicy(["10.0.0.0/8"]);
  const octet = fc.nat(255);
  fc.assert(
    fc.property(fc.tuple(octet, octet, octet, octet), fc.boolean(), ([a, b, c, d], upper) => {
      const ipv4 = `${a}.${b}.${c}.${d}`;
      const hex = `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
      const carrying = [`::ffff:${hex}`, `::ffff:${ipv4}`, `64:ff9b::${hex}`, `64:ff9b::${ipv4}`, `2002:${hex}::1`];
      for (const address of carrying)
        expect(policy.permits(upper ? address.toUpperCase() : address)).toBe(policy.permits(ipv4));
    }),
  );
});
