import { describe, expect, test } from "bun:test";
import { ALLOW_ALL, overreach } from "../../../src/control/discovery/docker/allow.ts";
import { labelsOf, type ContainerLabels } from "../../../src/control/discovery/docker/labels.ts";

function claim(labels: Record<string, string>) {
  return (labelsOf(labels) as ContainerLabels).service;
}

const host = (host: string, ...hosts: string[]) => overreach(claim({ "sluice.host": host }), { ...ALLOW_ALL, hosts });
const path = (path: string, ...paths: string[]) => overreach(claim({ "sluice.path": path }), { ...ALLOW_ALL, paths });

describe("what labels may claim", () => {
  test("anything, where nothing is said", () => {
    const everything = claim({ "sluice.host": "*", "sluice.path": "/*", "sluice.plugins": "cors" });
    expect(overreach(everything, ALLOW_ALL)).toBeNull();
  });

  test.each([
    ["shop.test", "shop.test"],
    ["SHOP.test", "shop.TEST"],
    ["shop.test.", "shop.test"],
    ["a.b.shop.test", "*.shop.test"],
    ["*.a.shop.test", "*.shop.test"],
    ["*.shop.test", "*.shop.test"],
    ["*", "*"],
    ["bank.test", "*"],
  ])("the host %s is within %s", (claimed, allowed) => {
    expect(host(claimed, "other.test", allowed)).toBeNull();
  });

  test.each([
    ["bank.test", "shop.test"],
    ["shop.test", "*.shop.test"],
    ["evilshop.test", "*.shop.test"],
    ["*.test", "*.shop.test"],
    ["*", "*.shop.test"],
    ["*.shop.test", "a.shop.test"],
  ])("the host %s is not within %s", (claimed, allowed) => {
    expect(host(claimed, allowed)).toContain("discovery.docker.allow.hosts");
  });

  test("one host too many is too much", () => {
    expect(host("shop.test,bank.test", "shop.test")).toContain("sluice.host=bank.test");
    expect(host("shop.test")).not.toBeNull();
  });

  test.each([
    ["/api/*", "/api/*"],
    ["/api", "/api/*"],
    ["/api/v1/:id", "/api/*"],
    ["/%61pi/x", "/api/*"],
    ["/health", "/health"],
    ["/*", "/*"],
  ])("the path %s is within %s", (claimed, allowed) => {
    expect(path(claimed, "/other", allowed)).toBeNull();
  });

  test.each([
    ["/*", "/api/*"],
    ["/apis", "/api/*"],
    ["/:any/x", "/api/*"],
    ["/api/%2e%2e/admin", "/api/*"],
    ["/api/..%2Fadmin", "/api/*"],
    ["/api/%ff", "/api/*"],
    ["/api/*", "/api"],
  ])("the path %s is not within %s", (claimed, allowed) => {
    expect(path(claimed, allowed)).toContain("discovery.docker.allow.paths");
  });

  test("who claims a host claims all its paths", () => {
    const allow = { ...ALLOW_ALL, paths: ["/api/*"] };
    expect(overreach(claim({ "sluice.host": "a.test" }), allow)).toContain("sluice.path=/*");
    expect(overreach(claim({ "sluice.port": "80" }), allow)).toBeNull();
  });

  test("plugins are allowed by name", () => {
    const plugins = claim({ "sluice.plugins": "cors,acme-jwt" });
    expect(overreach(plugins, { ...ALLOW_ALL, plugins: ["acme-jwt", "cors"] })).toBeNull();
    expect(overreach(plugins, { ...ALLOW_ALL, plugins: ["cors"] })).toContain("sluice.plugins=acme-jwt");
  });
});
