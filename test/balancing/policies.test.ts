import { describe, expect, test } from "bun:test";
import { createBalancer } from "../../src/proxy/upstream/balancing/create-balancer.ts";
import type { Endpoint } from "../../src/proxy/upstream/endpoint.ts";
import { exchangeOf, seededRandom } from "../routing/requests.ts";
import { anyExchange, endpointsOf, picks, shares } from "./endpoints.ts";

type Simple = "round-robin" | "least-connections" | "p2c" | "ewma" | "random" | "failover";
const ALL: readonly Simple[] = ["round-robin", "least-connections", "p2c", "ewma", "random", "failover"];

const balancerOf = (policy: Simple, endpoints: readonly Endpoint[]) =>
  createBalancer({ policy }, endpoints, seededRandom(7));

describe.each(ALL)("%s", (policy) => {
  test("picks the only candidate", () => {
    const endpoints = endpointsOf(1, 1, 1);
    expect(picks(balancerOf(policy, endpoints), [endpoints[1]!], 3)).toBe("bbb");
  });

  test("picks only candidates, whatever list comes next", () => {
    const endpoints = endpointsOf(1, 2, 3, 4);
    const balancer = balancerOf(policy, endpoints);
    const lists = [endpoints, endpoints.slice(1), endpoints.slice(0, 2), [endpoints[3]!]];
    for (let i = 0; i < 100; i++) {
      const list = lists[i % lists.length]!;
      expect(list).toContain(balancer.pick(list, anyExchange));
    }
  });
});

describe("round-robin", () => {
  test("takes equals in turn", () => {
    const endpoints = endpointsOf(1, 1, 1);
    expect(picks(balancerOf("round-robin", endpoints), endpoints, 7)).toBe("abcabca");
  });

  test("spreads weights smoothly, as nginx does", () => {
    const endpoints = endpointsOf(5, 1, 1);
    expect(picks(balancerOf("round-robin", endpoints), endpoints, 14)).toBe("aabacaaaabacaa");
  });

  test("keeps everyone's turn when a retry brings a shorter list", () => {
    const endpoints = endpointsOf(5, 1, 1);
    const balancer = balancerOf("round-robin", endpoints);
    const only = [endpoints[2]!];
    let hosts = "";
    for (let i = 0; i < 14; i++) {
      hosts += picks(balancer, endpoints, 1);
      picks(balancer, only, 1);
    }
    expect(hosts).toBe("aabacaaaabacaa");
  });

  test("notices a changed weight within a round", () => {
    const endpoints = endpointsOf(1, 1);
    const balancer = balancerOf("round-robin", endpoints);
    picks(balancer, endpoints, 3);
    endpoints[0]!.weight = 3;
    picks(balancer, endpoints, 1);
    expect(shares(picks(balancer, endpoints, 400)).a).toBeCloseTo(0.75, 2);
    endpoints[0]!.weight = 1;
    picks(balancer, endpoints, 2);
    expect(shares(picks(balancer, endpoints, 400)).a).toBeCloseTo(0.5, 2);
  });
});

describe("least-connections", () => {
  test("picks the fewest in flight for its weight", () => {
    const endpoints = endpointsOf(1, 4, 1);
    endpoints.forEach((endpoint, i) => (endpoint.inFlight = [2, 4, 3][i]!));
    expect(picks(balancerOf("least-connections", endpoints), endpoints, 2)).toBe("bb");
  });

  test("lets equals take turns", () => {
    const endpoints = endpointsOf(1, 1, 1);
    expect(picks(balancerOf("least-connections", endpoints), endpoints, 6)).toBe("abcabc");
  });
});

describe("p2c", () => {
  test("is even among equals and never picks the busiest of three", () => {
    const endpoints = endpointsOf(1, 1, 1);
    const balancer = balancerOf("p2c", endpoints);
    for (const share of Object.values(shares(picks(balancer, endpoints, 6000)))) expect(share).toBeCloseTo(1 / 3, 1);
    endpoints[1]!.inFlight = 9;
    expect(picks(balancer, endpoints, 500)).not.toContain("b");
  });

  test("keeps in-flight counts close together", () => {
    const endpoints = endpointsOf(...Array.from({ length: 20 }, () => 1));
    const balancer = balancerOf("p2c", endpoints);
    for (let i = 0; i < 2000; i++) balancer.pick(endpoints, anyExchange).inFlight++;
    const counts = endpoints.map((endpoint) => endpoint.inFlight);
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThan(10);
  });
});

describe("ewma", () => {
  const at = (startedAt: number) => exchangeOf({ startedAt });

  test("prefers the faster one, notices a peak at once, and tries the slow one again later", () => {
    const [a, b] = endpointsOf(1, 1) as [Endpoint, Endpoint];
    const balancer = balancerOf("ewma", [a, b]);
    balancer.observe!(a, 10, 1000);
    balancer.observe!(b, 20, 1000);
    expect(balancer.pick([a, b], at(1000))).toBe(a);
    balancer.observe!(a, 500, 1001);
    expect(balancer.pick([a, b], at(1001))).toBe(b);
    for (let now = 1002; now < 60_000; now += 100) balancer.observe!(b, 20, now);
    expect(balancer.pick([a, b], at(60_000))).toBe(a);
  });

  test("comes down slowly", () => {
    const [a] = endpointsOf(1) as [Endpoint];
    const balancer = balancerOf("ewma", [a]);
    balancer.observe!(a, 100, 1000);
    balancer.observe!(a, 10, 1001);
    expect(a.latencyMs).toBeGreaterThan(99);
    balancer.observe!(a, 10, 31_000);
    expect(a.latencyMs).toBeLessThan(20);
  });

  test("weighs latency with what is in flight", () => {
    const [a, b] = endpointsOf(1, 1) as [Endpoint, Endpoint];
    const balancer = balancerOf("ewma", [a, b]);
    balancer.observe!(a, 10, 1000);
    balancer.observe!(b, 20, 1000);
    a.inFlight = 3;
    expect(balancer.pick([a, b], at(1000))).toBe(b);
  });

  test("probes a new endpoint once, and not with everything", () => {
    const [a, b] = endpointsOf(1, 1) as [Endpoint, Endpoint];
    const balancer = balancerOf("ewma", [a, b]);
    balancer.observe!(a, 10, 1000);
    expect(balancer.pick([a, b], at(1000))).toBe(b);
    b.inFlight = 1;
    for (let i = 0; i < 20; i++) expect(balancer.pick([a, b], at(1000))).toBe(a);
  });
});

test("random follows the weights", () => {
  const endpoints = endpointsOf(1, 3);
  expect(shares(picks(balancerOf("random", endpoints), endpoints, 10_000)).b).toBeCloseTo(0.75, 1);
});

test("failover takes the first that may be picked", () => {
  const endpoints = endpointsOf(1, 9);
  const balancer = balancerOf("failover", endpoints);
  expect(picks(balancer, endpoints, 3) + picks(balancer, endpoints.slice(1), 2) + picks(balancer, endpoints, 1)).toBe(
    "aaabba",
  );
});
