import { expect, test } from "bun:test";
import { Gate } from "../kit/eventually.ts";
import type { Behaviour } from "../kit/raw-origin.ts";
import { hangs, onBothEdges, says, type SceneSpec } from "./theatre.ts";

const ok = says("second");
const quick = says("first");

/** The first answers when the second has been asked, who never does. */
function race(): Behaviour[] {
  const gate = new Gate();
  return [
    async (request) => {
      await gate.opened;
      request.reply({ body: "first" });
    },
    async (request) => {
      gate.open();
      await request.aborted;
    },
  ];
}

function hedged(endpoints: SceneSpec["endpoints"], retries: Record<string, unknown> = {}): SceneSpec {
  return { endpoints, upstream: { health: { passive: false }, retries: { max: 1, hedge: "50ms", ...retries } } };
}

const scenes = () => ({
  slow: hedged([hangs, ok]),
  race: hedged(race()),
  quick: hedged([quick, ok], { hedge: "5s" }),
  post: hedged([hangs, ok], { perTry: "300ms" }),
  broke: hedged([hangs, ok], { perTry: "300ms", budget: { ratio: 0, minPerSecond: 0 } }),
  alone: hedged([hangs], { perTry: "300ms", max: 0 }),
});

onBothEdges(scenes, (scene) => {
  test("a GET without a reply in time is sent to a second endpoint, whose reply counts; the loser is cancelled", async () => {
    expect((await scene("slow").ask()).text).toBe("second");
    expect(scene("slow").counts).toEqual([1, 1]);
    await scene("slow").origins[0]!.connections[0]!.ended;
  });

  test("the first one may still win: then the second is cancelled", async () => {
    expect((await scene("race").ask()).text).toBe("first");
    expect(scene("race").counts).toEqual([1, 1]);
    await scene("race").origins[1]!.connections[0]!.ended;
  });

  test("who answers in time is not doubled", async () => {
    expect((await scene("quick").ask()).text).toBe("first");
    expect(scene("quick").counts).toEqual([1, 0]);
  });

  test("a POST is never doubled", async () => {
    expect((await scene("post").ask({ method: "POST", body: "pay 5" })).status).toBe(504);
    expect(scene("post").counts).toEqual([1, 0]);
  });

  test("without a retry in the budget nothing is doubled", async () => {
    expect((await scene("broke").ask()).status).toBe(504);
    expect(scene("broke").counts).toEqual([1, 0]);
  });

  test("with nobody else to ask nothing is doubled", async () => {
    expect((await scene("alone").ask()).status).toBe(504);
    expect(scene("alone").counts).toEqual([1]);
  });
});
