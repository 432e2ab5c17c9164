import { describe, expect, test } from "bun:test";
import { SlotTable } from "../../src/control/config/slot-table.ts";
import { accepted, errorsOf, withUpstream } from "./config-files.ts";

describe("ids and slots", () => {
  test("an unnamed route's id comes from host, path and methods, in safe letters, bounded and unique", async () => {
    const long = "/x".repeat(200);
    const { spec } = await accepted(
      withUpstream(`routes:
  - { host: "*.example.com", path: "/users/:id/*", methods: [GET, POST], upstream: a }
  - { path: /, upstream: a }
  - { path: /, headers: { x: "1" }, upstream: a }
  - { path: "${long}", upstream: a }
  - { path: "/é/@", upstream: a }`),
    );
    const ids = spec.routes.map(({ id }) => id);
    expect(ids.slice(0, 2)).toEqual(["any.example.com-users-id-all-get-post", "root"]);
    expect(new Set(ids).size).toBe(5);
    for (const id of ids) expect(id).toMatch(/^[A-Za-z0-9._-]{1,64}$/);
  });

  test("a derived id makes way for a name", async () => {
    const { spec } = await accepted(
      withUpstream("routes: [{ path: /a, upstream: a }, { name: a, path: /b, upstream: a }]"),
    );
    expect(spec.routes[1]!.id).toBe("a");
    expect(spec.routes[0]!.id).not.toBe("a");
  });

  test("a slot stays with its name while it is served, or was in the version before", async () => {
    const stage = new SlotStage();
    expect(await stage.serve(["x", "y"])).toEqual(["x=1", "y=2"]);
    expect(await stage.serve(["y", "z"])).toEqual(["y=2", "z=4"]);
    expect(await stage.serve(["x", "y", "z"])).toEqual(["x=1", "y=2", "z=4"]);
    await stage.serve(["y"]);
    await stage.serve(["y"]);
    expect(await stage.serve(["y", "z"])).toEqual(["y=2", "z=5"]);
  });

  test("a version that is not served keeps nobody's slot", async () => {
    const stage = new SlotStage();
    await stage.serve(["x"]);
    await stage.load(["never"]);
    await stage.serve(["x"]);
    await stage.serve(["x"]);
    expect(stage.slots.size).toBe(4);
    expect(await stage.load(["never"])).toEqual(["never=4"]);
  });

  test("10,000 names that come and go take a bounded number of slots, and each is announced before it has another name", async () => {
    const stage = new SlotStage();
    const spec = (await accepted(withUpstream("routes: [{ path: /a, upstream: a }]"))).spec;
    const holders = new Map<number, number>();
    let expected = 0;
    for (let i = 0; i < 10_000; i++) {
      const slot = stage.slots.slotOf("route", `r${i}`);
      const endpoint = stage.slots.slotOf("endpoint", `e${i}`);
      expected += Number(holders.has(slot)) + Number(holders.has(endpoint));
      holders.set(slot, i).set(endpoint, i);
      const [route, upstream] = [spec.routes[0]!, spec.upstreams[0]!];
      stage.slots.served({
        ...spec,
        version: i,
        routes: [{ ...route, slot }],
        upstreams: [{ ...upstream, endpointSlots: [endpoint] }],
      });
    }
    expect(stage.reused).toHaveLength(expected);
    expect(stage.slots.size).toBeLessThan(100);
    expect(stage.slots.routeSlots.length).toBeLessThan(100);
  });

  test("a refused configuration uses up no slot", async () => {
    const slots = new SlotTable();
    expect(await errorsOf(withUpstream("routes: [{ upstream: b }]"), { slots })).toHaveLength(1);
    expect(slots.size).toBe(1);
  });
});

/** Versions with routes of these names, one after the other. */
class SlotStage {
  readonly reused: number[] = [];
  readonly slots = new SlotTable((slot) => this.reused.push(slot));

  async load(names: readonly string[]): Promise<string[]> {
    return slotsIn(await this.#load(names));
  }

  async serve(names: readonly string[]): Promise<string[]> {
    const spec = await this.#load(names);
    this.slots.served({ ...spec, version: 1 });
    return slotsIn(spec);
  }

  async #load(names: readonly string[]) {
    const routes = names.map((name) => `{ name: ${name}, path: /${name}, upstream: a }`);
    return (await accepted(withUpstream(`routes: [${routes.join(", ")}]`), { slots: this.slots })).spec;
  }
}

function slotsIn({ routes }: { routes: ReadonlyArray<{ id: string; slot: number }> }): string[] {
  return routes.map(({ id, slot }) => `${id}=${slot}`);
}
