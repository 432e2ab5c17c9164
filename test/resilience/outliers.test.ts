import { expect, test } from "bun:test";
import { eventually } from "../kit/eventually.ts";
import type { Behaviour } from "../kit/raw-origin.ts";
import { garbage, onBothEdges, resets, says, type Scene, type SceneSpec, status } from "./theatre.ts";

function passive(rules: unknown, endpoints: SceneSpec["endpoints"], more: Record<string, unknown> = {}): SceneSpec {
  return { endpoints, upstream: { balance: "round-robin", retries: 0, health: { passive: rules, ...more } } };
}

const late: Behaviour = async (request) => {
  await Bun.sleep(60);
  request.reply({ body: "late" });
};

const ok = says("ok");
const THREE = { consecutiveFailures: 3, ejectFor: "10m" };

const scenes = () => ({
  byDefault: passive(true, [status(503), ok, ok]),
  serverErrors: passive({ consecutive5xx: 3, consecutiveGatewayErrors: false, ejectFor: "10m" }, [status(500), ok]),
  gateway: passive({ consecutive5xx: false, consecutiveGatewayErrors: 3, ejectFor: "10m" }, [resets, status(500)]),
  refused: passive(THREE, [null, ok]),
  garbage: passive(THREE, [garbage, ok]),
  client: passive(THREE, [status(404), ok]),
  returns: passive({ consecutiveFailures: 3, ejectFor: "1s" }, [status(500), ok]),
  slow: passive({ slow: { factor: 3, atLeast: "20ms", minimumRequests: 5 } }, [late, ok, ok]),
  capped: passive(THREE, [status(500), status(500), status(500)]),
  only: passive(THREE, [status(500)]),
  panic: passive({ ...THREE, maxEjected: 1 }, [status(500), status(500), status(500)], { panicBelow: 0.5 }),
  off: passive(false, [status(500), ok]),
});

/** Who got `times` more requests, one after the other. */
async function shareOf(scene: Scene, times: number): Promise<number[]> {
  const before = scene.counts;
  await scene.askTimes(times);
  return scene.counts.map((count, i) => count - before[i]!);
}

onBothEdges(scenes, (scene) => {
  test("without a word of configuration, five gateway errors in a row take an endpoint out", async () => {
    const statuses = await scene("byDefault").askTimes(30);
    expect(statuses.filter((code) => code === 503)).toHaveLength(5);
    expect(scene("byDefault").counts[0]).toBe(5);
    await eventually("a word of it", () => scene("byDefault").logged("outlier.ejected").length > 0);
    expect(scene("byDefault").logged("outlier.ejected")).toMatchObject([
      { forMs: 30_000, reason: "ejected for 30 s: 5 consecutive gateway errors" },
    ]);
  });

  test.each(["serverErrors", "garbage", "refused"] as const)("%s: three in a row take it out", async (name) => {
    await scene(name).askTimes(6);
    const before = scene(name).counts;
    expect(await scene(name).askTimes(6)).toEqual([200, 200, 200, 200, 200, 200]);
    expect(scene(name).counts.at(-1)).toBe(before.at(-1)! + 6);
  });

  test("a 500 is no gateway error, a reset is one", async () => {
    await scene("gateway").askTimes(6);
    expect(await shareOf(scene("gateway"), 6)).toEqual([0, 6]);
  });

  test("what the client did wrong takes nobody out", async () => {
    await scene("client").askTimes(8);
    expect(await shareOf(scene("client"), 6)).toEqual([3, 3]);
  });

  test("it comes back when its time is over", async () => {
    await scene("returns").askTimes(6);
    await eventually("its ejection", () => scene("returns").logged("outlier.ejected").length > 0);
    scene("returns").origins[0]!.behaviour = says("well");
    await eventually("its return", async () => (await scene("returns").ask()).text === "well");
    await eventually("a word of it", () => scene("returns").logged("outlier.returned").length > 0);
  });

  test("one that is much slower than its peers is taken out", async () => {
    await eventually("its ejection", async () => {
      await scene("slow").askTimes(3);
      return scene("slow").logged("outlier.ejected").length > 0;
    });
    expect((await shareOf(scene("slow"), 6))[0]).toBe(0);
  });

  test("no more than their share goes out: of three sick ones, one", async () => {
    await scene("capped").askTimes(30);
    expect((await shareOf(scene("capped"), 6)).sort()).toEqual([0, 3, 3]);
  });

  test("an endpoint that is the only one stays", async () => {
    await scene("only").askTimes(8);
    expect(scene("only").counts).toEqual([8]);
  });

  test("with too few left, those that are out are used as well", async () => {
    // Each has failed three times: all three might be out.
    expect(await scene("panic").askTimes(20)).toEqual(Array.from({ length: 20 }, () => 500));
    const share = await shareOf(scene("panic"), 9);
    expect(share.filter((count) => count > 0).length).toBeGreaterThan(1);
  });

  test("where traffic teaches nothing, the sick one keeps its share", async () => {
    await scene("off").askTimes(20);
    expect(scene("off").counts).toEqual([10, 10]);
  });
});
