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

  test("a slot stays with its id across versions and is given away only when freed", async () => {
    const slots = new SlotTable();
    const load = async (names: string[]) =>
      (
        await accepted(
          withUpstream(`routes: [${names.map((name) => `{ name: ${name}, path: /${name}, upstream: a }`).join(", ")}]`),
          { slots },
        )
      ).spec.routes.map(({ id, slot }) => `${id}=${slot}`);
    expect(await load(["x", "y"])).toEqual(["x=1", "y=2"]);
    expect(await load(["y", "z"])).toEqual(["y=2", "z=3"]);
    slots.free("x");
    expect(await load(["new", "y", "z"])).toEqual(["new=1", "y=2", "z=3"]);
  });

  test("a refused configuration uses up no slot", async () => {
    const slots = new SlotTable();
    expect(await errorsOf(withUpstream("routes: [{ upstream: b }]"), { slots })).toHaveLength(1);
    expect(slots.ids).toEqual([]);
  });
});
