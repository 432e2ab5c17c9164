import { describe, expect, test } from "bun:test";
import { LABEL_NAMES, labelsOf, type ContainerLabels } from "../../../src/control/discovery/docker/labels.ts";

const read = (labels: Record<string, string>) => labelsOf(labels) as ContainerLabels & { problem?: string };

describe("labels of a container", () => {
  test("a container without labels says nothing", () => {
    expect(read({})).toEqual({
      isEnabled: null,
      upstream: null,
      service: {
        hosts: null,
        paths: null,
        stripPath: null,
        plugins: [],
        auth: null,
        balance: null,
        healthPath: null,
        healthInterval: null,
      },
      endpoint: { port: null, scheme: "http", weight: 1, network: null, words: {} },
    });
  });

  test("every label has its meaning, and others' labels have none", () => {
    const labels = read({
      "sluice.enable": "true",
      "sluice.host": "Shop.localhost, *.shop.test",
      "sluice.path": "/api/*,/health",
      "sluice.stripPath": "/api",
      "sluice.plugins": "cors, acme-jwt",
      "sluice.auth": "required",
      "sluice.upstream": "shop",
      "sluice.balance": "p2c",
      "sluice.health.path": "/health",
      "sluice.health.interval": "5s",
      "sluice.port": "3000",
      "sluice.scheme": "https",
      "sluice.weight": "0",
      "sluice.network": "front",
      "sluice.labels.version": "2.0",
      "sluice.manage": "true",
      "traefik.enable": "nonsense",
    });
    expect(labels.service).toEqual({
      hosts: ["shop.localhost", "*.shop.test"],
      paths: ["/api/*", "/health"],
      stripPath: "/api",
      plugins: ["cors", "acme-jwt"],
      auth: "required",
      balance: "p2c",
      healthPath: "/health",
      healthInterval: "5s",
    });
    expect(labels.endpoint).toEqual({
      port: 3000,
      scheme: "https",
      weight: 0,
      network: "front",
      words: { version: "2.0" },
    });
    expect([labels.isEnabled, labels.upstream]).toEqual([true, "shop"]);
  });

  test.each([
    ["sluice.hots", "a.test", 'did you mean "host"?'],
    ["sluice.strip-path", "/a", 'did you mean "stripPath"?'],
    ["sluice.helth.path", "/a", 'did you mean "health.path"?'],
    ["Sluice.Host", "a.test", 'did you mean "host"?'],
    ["sluice.wholly.unknown", "x", "known are enable, host"],
    ["sluice.constructor", "x", "there is no such label"],
    ["sluice.labels.", "x", "there is no such label"],
    ["sluice.skip", "key-auth", "there is no such label"],
    ["sluice.enable", "yes", "expected true or false"],
    ["sluice.host", "http://a.test", "without a scheme"],
    ["sluice.host", "a.test,b test", "expected a host"],
    ["sluice.host", "", "expected something"],
    ["sluice.path", "api", 'starts with "/"'],
    ["sluice.path", "/a/../b", "no dot segments"],
    ["sluice.stripPath", "/api/*", "without *"],
    ["sluice.plugins", "cors,../../etc/passwd", "expected a name"],
    ["sluice.plugins", " , ", "expected something"],
    ["sluice.auth", "none", "a label may ask for more, not for less"],
    ["sluice.upstream", "api@file", "expected a name"],
    ["sluice.port", "0", "from 1 to 65535"],
    ["sluice.port", "80/tcp", "from 1 to 65535"],
    ["sluice.scheme", "ftp", "http or https"],
    ["sluice.weight", "-1", "whole number"],
    ["sluice.health.interval", "soon", "a duration"],
    ["sluice.network", "", "a network's name"],
  ])("%s=%j is refused", (label, value, reason) => {
    const { problem } = read({ [label]: value });
    expect(problem).toStartWith(`the label ${label}: `);
    expect(problem).toContain(reason);
  });

  test("all labels that are documented are known", () => {
    expect(LABEL_NAMES).toContain("sluice.health.path");
    for (const name of LABEL_NAMES) expect(read({ [name]: "?" }).problem ?? "").not.toContain("no such label");
  });
});
