import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../docs/pages.ts";
import { EVENT_METRICS } from "../../src/observability/metrics/event-counts.ts";
import { SamplePage } from "./sample-page.ts";

test("docs/metrics.md has every metric once, with its type and labels", async () => {
  const page = readFileSync(join(ROOT, "docs", "metrics.md"), "utf8");
  const row = /^\| `(\w+)` +\| (counter|gauge|histogram) +\| ([^|]*?) +\|/gm;
  const written = [...page.matchAll(row)].map(([, name, type, labels]) => {
    return `${name} ${type} ${[...labels!.matchAll(/`(\w+)`/g)]
      .map(([, label]) => label)
      .sort()
      .join()}`;
  });
  const families = await new SamplePage().fill().families(true);
  const exposed = families
    .filter(({ name }) => !name.startsWith("sluice_plugin_cache_"))
    .map(({ name, type, samples }) => {
      const labels = new Set(samples.flatMap((sample) => Object.keys(sample.labels)));
      return `${name} ${type} ${[...labels]
        .filter((label) => label !== "le")
        .sort()
        .join()}`;
    });
  expect(written.sort()).toEqual(exposed.sort());
});

test("the sample page has every metric that is counted of events", async () => {
  const names = (await new SamplePage().families()).map(({ name }) => name);
  for (const metric of Object.keys(EVENT_METRICS)) expect(names).toContain(`sluice_${metric}_total`);
});
