import { describe, expect, test } from "bun:test";
import { BuildContext } from "../../src/control/config/build-context.ts";
import { DiagnosticBag } from "../../src/control/config/diagnostics.ts";
import { FileAccess } from "../../src/control/config/file-access.ts";
import { checkSlots, giveSlots } from "../../src/control/config/give-slots.ts";
import { SlotTable } from "../../src/control/config/slot-table.ts";
import { BREAKER_SLOTS, GATES } from "../../src/proxy/shared-state.ts";
import { accepted, errorsOf } from "./config-files.ts";

const admissionOf = async (limits: string) =>
  (await accepted(`upstreams: [{ name: a, url: http://h, limits: { ${limits} } }]`)).spec.upstreams[0]!.admission;

describe("what is in flight", () => {
  test("is not limited unless it is written; memory is watched", async () => {
    const { spec } = await accepted("upstreams: [{ name: a, url: http://h }]\nroutes: [{ upstream: a }]");
    expect(spec.admission).toEqual({ maxInFlight: null, memory: { low: 0.85, all: 0.95 } });
    expect(spec.upstreams[0]!.admission).toBeNull();
    expect(spec.routes[0]).toMatchObject({ maxInFlight: null, importance: 1 });
  });

  test("an upstream's limit, its queue, and the one it finds by itself", async () => {
    expect(await admissionOf("maxInFlight: 10")).toMatchObject({
      gate: { max: 10 },
      queue: { max: 0, waitMs: 1000 },
      adaptive: false,
    });
    expect(await admissionOf("maxInFlight: 10, queue: { max: 5, wait: 50ms }, adaptive: true")).toMatchObject({
      gate: { max: 10 },
      queue: { max: 5, waitMs: 50 },
      adaptive: true,
    });
    expect(await admissionOf("adaptive: true")).toMatchObject({ gate: { max: 1024 }, adaptive: true });
    expect(await admissionOf("adaptive: false, maxPending: 3")).toBeNull();
  });

  test.each([
    ["high", 0],
    ["normal", 1],
    ["low", 2],
  ])("importance: %s is class %d", async (word, importance) => {
    const { spec } = await accepted(`routes: [{ path: /, respond: {}, importance: ${word}, maxInFlight: 7 }]`);
    expect(spec.routes[0]).toMatchObject({ importance, maxInFlight: { max: 7 } });
  });

  test.each([
    ["false", null],
    ["true", { low: 0.85, all: 0.95 }],
    ["{ low: 0.5 }", { low: 0.5, all: 0.95 }],
    ["{ all: 0.8 }", { low: 0.8, all: 0.8 }],
    ["{ low: 0.99 }", { low: 0.99, all: 0.99 }],
  ])("memory: %s", async (text, marks) =>
    expect((await accepted(`limits: { memory: ${text} }`)).spec.admission.memory).toEqual(marks),
  );

  test.each([
    ["a queue before nothing", "upstreams: [{ name: a, url: http://h, limits: { queue: { max: 1 } } }]", "no limit"],
    [
      "a queue without length",
      "upstreams: [{ name: a, url: http://h, limits: { adaptive: true, queue: {} } }]",
      '"max"',
    ],
    ["marks the wrong way round", "limits: { memory: { low: 0.9, all: 0.8 } }", "is above `all`"],
    ["a mark below what is used anyway", "limits: { memory: { low: 0.01 } }", "from the start"],
    ["a mark in percent", "limits: { memory: { low: 80 } }", "above 0, up to 1"],
    ["nothing in flight", "limits: { maxInFlight: 0 }", "from 1 to"],
    ["a misspelt importance", "routes: [{ path: /, respond: {}, importance: hgih }]", 'did you mean "high"?'],
  ])("%s is refused", async (_, yaml, message) => {
    const errors = await errorsOf(yaml);
    expect(errors).toHaveLength(1);
    expect(errors[0]).toContain(message);
  });
});

describe("places in what is shared", () => {
  const gated = (names: readonly string[]) =>
    `limits: { maxInFlight: 9 }
upstreams: [${names.map((name) => `{ name: ${name}, url: http://${name}, circuitBreaker: {}, limits: { maxInFlight: 1 } }`).join(", ")}]
routes: [${names.map((name) => `{ name: ${name}, path: /${name}, upstream: ${name}, maxInFlight: 1 }`).join(", ")}]`;

  test("each breaker and each limit has one of its own", async () => {
    const { spec } = await accepted(gated(["a", "b"]));
    const breakers = spec.upstreams.flatMap((u) => [u.breakerSlot, ...u.endpointBreakerSlots]);
    expect(breakers.toSorted()).toEqual([0, 1, 2, 3]);
    const gates = [
      spec.admission.maxInFlight!.slot,
      ...spec.upstreams.map(({ admission }) => admission!.gate.slot),
      ...spec.routes.map(({ maxInFlight }) => maxInFlight!.slot),
    ];
    expect(gates.toSorted()).toEqual([0, 1, 2, 3, 4]);
  });

  test("they stay with the name, whatever comes and goes", async () => {
    const slots = new SlotTable();
    const placesOf = async (names: readonly string[]) => {
      const { upstreams, routes } = (await accepted(gated(names), { slots })).spec;
      return upstreams.map(({ name, breakerSlot, endpointBreakerSlots, admission }, i) =>
        JSON.stringify([name, breakerSlot, endpointBreakerSlots, admission!.gate.slot, routes[i]!.maxInFlight!.slot]),
      );
    };
    const [a, b] = await placesOf(["a", "b"]);
    const [c, alsoB] = await placesOf(["c", "b"]);
    expect(alsoB).toBe(b!);
    expect(await placesOf(["b", "a", "c"])).toEqual([b!, a!, c!]);
  });

  test("a configuration that is refused takes none", async () => {
    const slots = new SlotTable();
    expect(await errorsOf(`${gated(["x"])}\nworkers: 0`, { slots })).toHaveLength(1);
    expect((await accepted(gated(["a"]), { slots })).spec.upstreams[0]!.breakerSlot).toBe(0);
  });

  test("as many breakers and limits as fit are given", async () => {
    const { spec } = await accepted(gated(["a"]));
    const [upstream] = spec.upstreams;
    const half = BREAKER_SLOTS / 2;
    const upstreams = Array.from({ length: half }, (_, i) => ({ ...upstream!, name: `u${i}`, admission: null }));
    const routes = Array.from({ length: GATES - 1 }, (_, i) => ({ ...spec.routes[0]!, id: `r${i}` }));
    const full = giveSlots({ ...spec, upstreams, routes }, new SlotTable());
    const breakers = full.upstreams.flatMap((u) => [u.breakerSlot, ...u.endpointBreakerSlots]);
    const gates = [full.admission.maxInFlight!.slot, ...full.routes.map(({ maxInFlight }) => maxInFlight!.slot)];
    for (const [taken, size] of [
      [breakers, BREAKER_SLOTS],
      [gates, GATES],
    ] as const) {
      expect(new Set(taken).size).toBe(size);
      expect([Math.min(...taken), Math.max(...taken)]).toEqual([0, size - 1]);
    }
  });

  test.each([
    ["breakers", BREAKER_SLOTS, `8193 circuit breakers, of upstreams and endpoints together: there may be 8192`],
    ["limits", GATES, "4097 limits called maxInFlight or adaptive: there may be 4096"],
  ])("more %s than fit are told", async (what, most, message) => {
    const { spec } = await accepted(gated(["a"]));
    const { breaker, admission, ...upstream } = spec.upstreams[0]!;
    const bare =
      what === "breakers"
        ? { ...upstream, breaker: { ...breaker, endpoint: null }, admission: null }
        : { ...upstream, breaker: { upstream: null, endpoint: null }, admission };
    const upstreams = Array.from({ length: most + 1 }, (_, i) => ({ ...bare, name: `u${i}` }));
    const bag = new DiagnosticBag();
    checkSlots({ ...spec, upstreams, routes: [], admission: { maxInFlight: null, memory: null } }, contextOf(bag));
    expect(bag.errors.map((error) => error.message)).toEqual([message]);
  });
});

function contextOf(bag: DiagnosticBag): BuildContext {
  const root = { kind: "map", at: { file: "sluice.yaml", line: 1, column: 1 }, entries: new Map() } as const;
  return new BuildContext({ config: {}, root, bag, files: new FileAccess("."), autoEdge: "wire", resolved: new Map() });
}
