import { describe, expect, test } from "bun:test";
import { chooseReach, type ReachFacts } from "../../../src/control/discovery/docker/choose-reach.ts";
import type { Container } from "../../../src/control/discovery/docker/container.ts";
import { parseEngineAddress } from "../../../src/control/discovery/docker/engine-address.ts";
import { labelsOf, type ContainerLabels } from "../../../src/control/discovery/docker/labels.ts";
import { containerIdIn } from "../../../src/control/discovery/docker/own-container.ts";
import { addressOf, type AddressRules } from "../../../src/control/discovery/docker/reach.ts";
import { container, idOf, network } from "./containers.ts";

function reached(target: Container, rules: Partial<AddressRules> = {}, labels: Record<string, string> = {}) {
  const all: AddressRules = { reach: { by: "network", own: null }, network: null, byId: new Map(), ...rules };
  const address = addressOf(target, 80, (labelsOf(labels) as ContainerLabels).endpoint, all);
  return "problem" in address ? address.problem : `${address.host} ${address.port}`;
}

const inside = (...networks: string[]): AddressRules["reach"] => ({
  by: "network",
  own: container("sluice", { networks: networks.map((name) => network(name, "10.9.9.9")) }),
});
const two = container("shop", { networks: [network("back", "10.0.1.2"), network("front", "10.0.2.2")] });

describe("where a container is reached", () => {
  test("the network that a label names wins over the configured one, which wins over a shared one", () => {
    const rules = { network: "front", reach: inside("back") };
    expect(reached(two, rules, { "sluice.network": "back" })).toBe("10.0.1.2 80");
    expect(reached(two, rules)).toBe("10.0.2.2 80");
    expect(reached(two, { reach: inside("front") })).toBe("10.0.2.2 80");
  });

  test("a network is also known by the name that it has in its Compose file", () => {
    const labels = { "com.docker.compose.project": "shop" };
    const networks = [network("shop_back", "10.0.1.2"), network("shop_front", "10.0.2.2")];
    expect(reached(container("web", { labels, networks }), { network: "front" })).toBe("10.0.2.2 80");
  });

  test("a label that names a network which the container is not on is a mistake, not a wish", () => {
    expect(reached(two, { network: "front" }, { "sluice.network": "bcak" })).toContain("not on the network bcak");
  });

  test("the only network needs no choice", () => {
    expect(reached(container("shop"), { network: "other", reach: inside("elsewhere") })).toBe("172.17.0.2 80");
  });

  test("the host gets to every bridge, a container only to its own networks", () => {
    expect(reached(two)).toBe("10.0.1.2 80");
    expect(reached(two, { reach: inside("other") })).toContain("say which with sluice.network");
  });

  test("IPv6 does where there is no IPv4", () => {
    expect(reached(container("six", { networks: [network("v6", "fd00::2")] }))).toBe("fd00::2 80");
  });

  test("a container on the host's network is on loopback, or behind the gateway", () => {
    const target = container("shop", { networkMode: "host", networks: [network("host", "")] });
    expect(reached(target)).toBe("127.0.0.1 80");
    expect(reached(target, { reach: inside("front") })).toBe("10.0.0.1 80");
  });

  test("a container may live on another one's network", () => {
    const vpn = container("vpn", { networks: [network("bridge", "172.17.0.9")] });
    const target = container("shop", { networkMode: `container:${vpn.id}`, networks: [] });
    expect(reached(target, { byId: new Map([[vpn.id, vpn]]) })).toBe("172.17.0.9 80");
    expect(reached(target)).toContain("which does not run");
  });

  test("a chain of containers without a network ends", () => {
    const a = container("aa", { networkMode: `container:${idOf("bb")}`, networks: [] });
    const b = container("bb", { networkMode: `container:${idOf("aa")}`, networks: [] });
    expect(reached(a, { byId: new Map([a, b].map((one) => [one.id, one])) })).toBe("it has no address on any network");
  });

  test("from another machine only published ports can be reached", () => {
    const far: AddressRules["reach"] = { by: "published", host: "docker.test" };
    const published = (hostIp: string) =>
      container("shop", { publishedPorts: [{ port: 80, hostIp, hostPort: 32_768 }] });
    expect(reached(published("0.0.0.0"), { reach: far })).toBe("docker.test 32768");
    expect(reached(published("192.0.2.7"), { reach: far })).toBe("192.0.2.7 32768");
    expect(reached(published("127.0.0.1"), { reach: far })).toContain("publish 80");
    expect(reached(published("127.0.0.1"), { reach: { by: "published", host: "127.0.0.1" } })).toBe("127.0.0.1 32768");
    expect(reached(container("shop"), { reach: far })).toContain("docker run -p 80");
  });
});

describe("how this process gets to containers", () => {
  const facts = (change: Partial<ReachFacts>): ReachFacts => ({
    setting: "auto",
    address: parseEngineAddress("/var/run/docker.sock", false),
    isInside: false,
    isSealed: false,
    platform: "linux",
    ...change,
  });
  const far = parseEngineAddress("tcp://docker.test:2375", false);
  const published = (host: string) => ({ by: "published" as const, host });

  test.each([
    ["on a Linux host", {}, { by: "network" as const }],
    ["from a container by a socket proxy", { address: far, isInside: true }, { by: "network" as const }],
    ["rootless, or in a virtual machine", { isSealed: true }, published("127.0.0.1")],
    ["on a Mac", { platform: "darwin" }, published("127.0.0.1")],
    ["an engine elsewhere", { address: far }, published("docker.test")],
    ["as configured", { address: far, setting: "network" as const }, { by: "network" as const }],
    ["as configured the other way", { setting: "published" as const, isInside: true }, published("127.0.0.1")],
  ])("%s", (_, change, expected) => {
    expect(chooseReach(facts(change))).toEqual(expected);
  });
});

describe("our own container", () => {
  const id = "0123456789abcdef".repeat(4);

  test("is known by the files that are mounted into it", () => {
    const docker = `730 719 254:1 /var/lib/docker/containers/${id}/hostname /etc/hostname rw,relatime - ext4 /dev/vda rw`;
    const podman = `9 8 0:1 /containers/overlay-containers/${id}/userdata/resolv.conf /etc/resolv.conf rw - tmpfs x rw`;
    expect(containerIdIn(`1 2 0:1 / / rw - overlay overlay rw\n${docker}\n`)).toBe(id);
    expect(containerIdIn(podman)).toBe(id);
  });

  test("on the host there is none, whatever its containers have mounted", () => {
    const shm = `731 719 0:1 / /var/lib/docker/containers/${id}/mounts/shm rw - tmpfs shm rw`;
    const other = `732 719 0:1 /var/lib/docker/containers/${id}/hostname /mnt/hostname rw - ext4 x rw`;
    expect(containerIdIn(`${shm}\n${other}`)).toBeNull();
    expect(containerIdIn("")).toBeNull();
  });
});

describe("an engine's address", () => {
  test.each([
    ["unix:///var/run/docker.sock", "/var/run/docker.sock", "http://docker"],
    ["unix:/run/user/1000/docker.sock", "/run/user/1000/docker.sock", "http://docker"],
    ["/var/run/docker.sock", "/var/run/docker.sock", "http://docker"],
    ["tcp://proxy:2375", null, "http://proxy:2375"],
    ["tcp://[::1]:80", null, "http://[::1]:80"],
    ["http://proxy", null, "http://proxy:2375"],
    ["https://docker.test:443", null, "https://docker.test:443"],
  ])("%s", (text, unix, origin) => {
    expect(parseEngineAddress(text, false)).toMatchObject({ text, unix, origin });
  });

  test("TCP with certificates is TLS on its own port", () => {
    expect(parseEngineAddress("tcp://docker.test", true).origin).toBe("https://docker.test:2376");
  });

  test.each([
    ["docker.sock", "expected unix:///"],
    ["unix:relative.sock", "expected unix:///"],
    ["ssh://me@host", "ssh -L"],
    ["npipe:////./pipe/docker_engine", "TCP on loopback"],
    ["tcp://user:secret@host:2375", "more than host and port"],
    ["http://host/v1.41", "more than host and port"],
    ["tcp://host:99999", "expected unix:///"],
    ["", "expected unix:///"],
  ])("%j is refused", (text, hint) => {
    expect(() => parseEngineAddress(text, false)).toThrow(hint);
  });
});
