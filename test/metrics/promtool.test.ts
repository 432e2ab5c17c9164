import { describe, expect, test } from "bun:test";
import { PROMTOOL, promtool, WITHOUT_PROMTOOL } from "./promtool.ts";
import { SamplePage } from "./sample-page.ts";

describe.skipIf(PROMTOOL === null)(`promtool check metrics${WITHOUT_PROMTOOL}`, () => {
  test("has nothing to say about the page", async () => {
    expect(await promtool(["check", "metrics"], await new SamplePage().fill().text())).toEqual({ code: 0, output: "" });
  });

  test("says of FlexGate's names only that ms are no seconds", async () => {
    const { output } = await promtool(["check", "metrics"], await new SamplePage().fill().text(true));
    const complaints = output.split("\n").filter((line) => line !== "");
    expect(complaints.length).toBeGreaterThan(0);
    expect(complaints.filter((line) => !line.startsWith("http_request_duration_ms "))).toEqual([]);
  });
});
