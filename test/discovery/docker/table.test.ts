import { describe, expect, test } from "bun:test";
import { readSummary } from "../../../src/control/discovery/docker/container-summary.ts";
import { ContainerTable } from "../../../src/control/discovery/docker/container-table.ts";
import type { Container } from "../../../src/control/discovery/docker/container.ts";
import { readEvent } from "../../../src/control/discovery/docker/engine-event.ts";
import { container, idOf } from "./containers.ts";

/** It started at 2000. */
function table(change: Partial<Container> = {}) {
  const table = new ContainerTable();
  table.put(container("shop", change));
  const apply = (action: string, at = 3000, signal = "") => table.apply({ action, id: idOf("shop"), at, signal });
  const state = () => {
    const { container, isGone, isStopping } = table.list()[0]!;
    return isGone ? "gone" : isStopping ? "stopping" : container.health === "unhealthy" ? "unhealthy" : container.state;
  };
  return { table, apply, state };
}

describe("what events say of a container", () => {
  test.each([
    ["15", "SIGTERM"],
    ["9", "SIGTERM"],
    ["SIGTERM", "SIGTERM"],
    ["3", "SIGQUIT"],
    ["28", "SIGWINCH"],
    ["WINCH", "SIGWINCH"],
    ["37", "SIGRTMIN+3"],
  ])("signal %s stops one that stops on %s", (signal, stopSignal) => {
    const { apply, state } = table({ stopSignal });
    expect(apply("kill", 3000, signal)).toBe("less");
    expect(state()).toBe("stopping");
    expect(apply("kill", 3001, signal)).toBe("none");
  });

  test.each(["1", "HUP", "10", "28", ""])("signal %j only talks to it", (signal) => {
    const { apply, state } = table();
    expect(apply("kill", 3000, signal)).toBe("none");
    expect(state()).toBe("running");
  });

  test("it has gone when it dies, and is looked at when it starts again", () => {
    const { table: rows, apply, state } = table();
    apply("kill", 3000, "15");
    expect(apply("die", 3001)).toBe("less");
    expect(state()).toBe("gone");
    expect(apply("die", 3001)).toBe("none");
    expect(apply("destroy")).toBe("none");
    expect(apply("start", 4000)).toBe("inspect");
    rows.put(container("shop", { startedAt: 4000 }));
    expect(state()).toBe("running");
  });

  test("one that is about to start is looked at when it has, and not before: until then the engine does not answer", () => {
    const { table: rows, apply } = table();
    const connected = { action: "connect", id: idOf("new"), at: 3000, signal: "" };
    expect([rows.apply(connected), rows.apply({ ...connected, action: "start" })]).toEqual(["none", "inspect"]);
    expect(apply("connect")).toBe("inspect");
    apply("die");
    expect([apply("connect"), apply("start", 4000)]).toEqual(["none", "inspect"]);
  });

  test("what is older than its start belongs to the run before", () => {
    const { apply, state } = table();
    expect([apply("kill", 1999, "15"), apply("die", 1999)]).toEqual(["none", "none"]);
    expect(state()).toBe("running");
  });

  test("a stop that comes before the first look is not lost", () => {
    const rows = new ContainerTable();
    expect(rows.apply({ action: "kill", id: idOf("shop"), at: 2001, signal: "15" })).toBe("none");
    rows.put(container("shop"));
    expect(rows.list()[0]!.isStopping).toBe(true);
  });

  test("paused and unhealthy ones take no more traffic at once, and are looked at when that is over", () => {
    const { apply, state } = table({ health: "healthy" });
    expect(apply("pause")).toBe("less");
    expect(state()).toBe("paused");
    expect(apply("unpause")).toBe("inspect");
    expect(apply("health_status: unhealthy")).toBe("less");
    expect(apply("health_status: healthy")).toBe("inspect");
  });

  test("what is gone can be forgotten, what is back cannot", () => {
    const { table: rows, apply } = table();
    expect(rows.forget(idOf("shop"))).toBe(false);
    apply("die");
    expect(rows.forget(idOf("shop"))).toBe(true);
    expect(rows.list()).toEqual([]);
  });

  test("a container that was never seen running is no loss when it does not run", () => {
    const rows = new ContainerTable();
    expect(rows.put(container("shop", { state: "exited" }))).toBe(false);
    expect(rows.list()).toEqual([]);
  });
});

describe("what a list says", () => {
  const summary = (change: Record<string, unknown> = {}) => {
    const { id, networks } = container("shop");
    const attached = Object.fromEntries(
      networks.map(({ name, id, endpointId, address }) => [
        name,
        { NetworkID: id, EndpointID: endpointId, IPAddress: address },
      ]),
    );
    const raw = { Id: id, Names: ["/other/shop", "/shop"], State: "running", Status: "Up 5 minutes" };
    return readSummary({ ...raw, NetworkSettings: { Networks: attached }, ...change })!;
  };

  test("an unchanged container is not looked at again", () => {
    expect(table().table.compare([summary()])).toEqual({ changed: [], left: [] });
  });

  test.each([
    ["another name", { Names: ["/new"] }],
    ["another state", { State: "paused" }],
    ["health", { Status: "Up 5 minutes (unhealthy)" }],
    ["a new start", { NetworkSettings: { Networks: { bridge: { EndpointID: "new", IPAddress: "172.17.0.2" } } } }],
  ])("one with %s is", (_, change) => {
    expect(table().table.compare([summary(change)]).changed).toEqual([idOf("shop")]);
  });

  test("one that is not listed has left, and one that is back is looked at", () => {
    const { table: rows } = table();
    expect(rows.compare([])).toEqual({ changed: [], left: [idOf("shop")] });
    rows.leave(idOf("shop"));
    expect(rows.compare([])).toEqual({ changed: [], left: [] });
    expect(rows.compare([summary()]).changed).toEqual([idOf("shop")]);
  });
});

describe("events as the engine writes them", () => {
  test("of a container, and of a network that it joins", () => {
    const kill = {
      Type: "container",
      Action: "kill",
      Actor: { ID: "c1", Attributes: { signal: "15" } },
      timeNano: 1_795_279_028_038_781_000,
    };
    expect(readEvent(kill)).toEqual({ action: "kill", id: "c1", at: 1_795_279_028_038, signal: "15" });
    const connect = { Type: "network", Action: "connect", Actor: { ID: "n1", Attributes: { container: "c1" } } };
    expect(readEvent(connect)).toEqual({ action: "connect", id: "c1", at: 0, signal: "" });
  });

  test.each([
    null,
    7,
    {},
    { Type: "image", Action: "pull" },
    { Type: "container", Action: "die" },
    { Type: "container", Actor: { ID: "c" } },
  ])("%j concerns no container", (raw) => {
    expect(readEvent(raw)).toBeNull();
  });
});
