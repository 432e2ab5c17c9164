import { afterAll, beforeAll, beforeEach, describe, test } from "bun:test";
import { CONTRACT } from "./contract.cases.ts";
import { type Edge, SluiceStage } from "./stage.ts";

/** Registers every case for one edge; skipped ones carry their reason in their name. */
export function runContract(edge: Edge): void {
  describe(`contract of edge ${edge}`, () => {
    let stage: SluiceStage;
    beforeAll(async () => {
      stage = await SluiceStage.open(edge);
    });
    beforeEach(() => stage.origin.restart());
    afterAll(() => stage?.close());
    for (const { name, skip, run } of CONTRACT) {
      const reason = skip?.[edge];
      if (reason === undefined) test(name, () => run(stage), 30_000);
      else test.skip(`${name} (${reason})`, () => run(stage));
    }
  });
}
