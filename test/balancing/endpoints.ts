import { Endpoint } from "../../src/proxy/upstream/endpoint.ts";
import type { Balancer } from "../../src/proxy/upstream/balancing/balancer.ts";
import { exchangeOf } from "../routing/requests.ts";

/** Endpoints a, b, c … with these weights. */
export function endpointsOf(...weights: number[]): Endpoint[] {
  return weights.map((weight, i) => {
    const host = String.fromCharCode(97 + (i % 26)).repeat(1 + Math.floor(i / 26));
    return new Endpoint("api", { scheme: "http", host, port: 80, weight, basePath: "" });
  });
}

export const anyExchange = exchangeOf();

export function picks(balancer: Balancer, candidates: readonly Endpoint[], times: number): string {
  let hosts = "";
  for (let i = 0; i < times; i++) hosts += balancer.pick(candidates, anyExchange).host;
  return hosts;
}

/** The share of each letter. */
export function shares(hosts: string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const host of hosts) counts[host] = (counts[host] ?? 0) + 1 / hosts.length;
  return counts;
}
