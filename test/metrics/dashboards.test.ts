import { describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import { ROOT } from "../docs/pages.ts";
import { PROMTOOL, promtool, WITHOUT_PROMTOOL } from "./promtool.ts";
import { SamplePage } from "./sample-page.ts";

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: ReadonlyArray<{ readonly expr: string; readonly legendFormat: string }>;
}

interface Dashboard {
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: ReadonlyArray<{ readonly name: string; readonly definition?: string }> };
  readonly annotations: { readonly list: ReadonlyArray<{ readonly expr: string }> };
}

const text = (path: string) => readFileSync(join(ROOT, path), "utf8");
const ALERTS = "config/prometheus/alerts.yml";
const rules = (parse(text(ALERTS)) as { groups: Array<{ rules: Rule[] }> }).groups.flatMap((group) => group.rules);
const dashboard = JSON.parse(text("config/grafana/sluice.json")) as Dashboard;
const shown = dashboard.panels.flatMap(({ title, targets = [] }) =>
  targets.map(({ expr, legendFormat }) => ({ where: title, expr, uses: legendFormat })),
);
const variables = dashboard.templating.list.flatMap(({ name, definition }) => {
  const [, metric, label] = /^label_values\((\w+), (\w+)\)$/.exec(definition ?? "") ?? [];
  return definition === undefined ? [] : [{ where: `$${name}`, expr: `sum by (${label}) (${metric})`, uses: "" }];
});
const alerts = rules.map(({ alert, expr, annotations }) => {
  return { where: alert, expr, uses: Object.values(annotations).join(" ") };
});
const notes = dashboard.annotations.list.map(({ expr }) => ({ where: "annotation", expr, uses: "" }));
const ALL = [...alerts, ...shown, ...variables, ...notes];

/** What Prometheus adds itself. */
const TARGET_LABELS = ["instance", "job", "le"];

/** Series that are exposed, by name, with their labels. */
async function exposed(): Promise<Map<string, Set<string>>> {
  const found = new Map<string, Set<string>>([["up", new Set()]]);
  for (const { samples } of await new SamplePage().fill().families())
    for (const { name, labels } of samples)
      found.set(name, new Set([...(found.get(name) ?? []), ...Object.keys(labels)]));
  return found;
}

describe("the dashboard and the alerts", () => {
  test("are there, and many", () => {
    expect(rules.length).toBeGreaterThan(10);
    expect(shown.length).toBeGreaterThan(30);
    expect(variables.map(({ where }) => where)).toEqual(["$instance", "$route", "$upstream"]);
  });

  test("ask for nothing that is not exposed, by no label that it does not have", async () => {
    const series = await exposed();
    for (const { where, expr, uses } of ALL) {
      const names = [...expr.matchAll(/\b(?:(?:http|sluice|process)_\w+|up)\b/g)].map(([name]) => name);
      expect(names, where).not.toEqual([]);
      const known = new Set(TARGET_LABELS);
      for (const name of names) {
        expect(series.has(name), `${where}: ${name} is not exposed`).toBe(true);
        for (const label of series.get(name)!) known.add(label);
      }
      const selected = [...expr.matchAll(/(\w+)(?:=~|!=|!~|=)"/g)].map(([, label]) => label!);
      const grouped = [...expr.matchAll(/\b(?:by|on) \(([^)]*)\)/g)].flatMap(([, list]) => list!.split(/, */));
      const used = [...uses.matchAll(/\{\{ ?(?:\$labels\.)?(\w+) ?\}\}/g)].map(([, label]) => label!);
      for (const label of [...selected, ...grouped, ...used])
        expect(known.has(label), `${where}: nothing has the label ${label}`).toBe(true);
    }
  });

  test("say how bad it is, and what to do", () => {
    for (const { alert, labels, annotations } of rules) {
      expect(["critical", "warning", "info"], alert).toContain(labels["severity"]!);
      expect(Object.keys(annotations), alert).toEqual(["summary", "description"]);
    }
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
  });

  test("have panels that do not lie on each other", () => {
    const taken = new Map<string, string>();
    for (const { title, gridPos } of dashboard.panels) {
      expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++)
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect(taken.get(`${x} ${y}`), title).toBeUndefined();
          taken.set(`${x} ${y}`, title);
        }
    }
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
  });
});

/** What `when` says becomes of an expression in time. */
interface Case {
  readonly alert: string;
  readonly series: Readonly<Record<string, string>>;
  readonly at: string;
  readonly fires: ReadonlyArray<Readonly<Record<string, string>>>;
}

const CASES: readonly Case[] = [
  {
    alert: "SluiceErrorRatio",
    series: {
      'http_requests_total{route="bad",method="GET",status="503"}': "0+10x20",
      'http_requests_total{route="bad",method="GET",status="200"}': "0+90x20",
      'http_requests_total{route="good",method="GET",status="200"}': "0+90x20",
    },
    at: "15m",
    fires: [{ route: "bad", severity: "critical" }],
  },
  {
    alert: "SluiceNoHealthyEndpoint",
    series: {
      'sluice_endpoint_available_ratio{upstream="dead",endpoint="a"}': "0x20",
      'sluice_endpoint_available_ratio{upstream="dead",endpoint="b"}': "0x20",
      'sluice_endpoint_available_ratio{upstream="half",endpoint="a"}': "0x20",
      'sluice_endpoint_available_ratio{upstream="half",endpoint="b"}': "1x20",
    },
    at: "5m",
    fires: [{ upstream: "dead", severity: "critical" }],
  },
  {
    alert: "SluiceSlow",
    series: {
      'http_requests_total{route="slow",method="GET",status="200"}': "0+600x30",
      'http_request_duration_seconds_bucket{route="slow",le="2.5"}': "0+300x30",
      'http_request_duration_seconds_bucket{route="slow",le="5"}': "0+600x30",
      'http_request_duration_seconds_bucket{route="slow",le="+Inf"}': "0+600x30",
      'http_requests_total{route="rare",method="GET",status="200"}': "0+1x30",
      'http_request_duration_seconds_bucket{route="rare",le="2.5"}': "0x30",
      'http_request_duration_seconds_bucket{route="rare",le="5"}': "0+1x30",
      'http_request_duration_seconds_bucket{route="rare",le="+Inf"}': "0+1x30",
    },
    at: "25m",
    fires: [{ route: "slow", severity: "warning" }],
  },
  {
    alert: "SluiceWorkerRestarts",
    series: {
      'sluice_worker_restarts_total{instance="a",worker="1"}': "0+1x10 10x20",
      'sluice_worker_restarts_total{instance="b",worker="1"}': "1x30",
    },
    at: "10m",
    fires: [{ instance: "a", severity: "warning" }],
  },
];

describe.skipIf(PROMTOOL === null)(`promtool${WITHOUT_PROMTOOL}`, () => {
  test("takes the rules and the configuration", async () => {
    for (const words of [
      ["check", "rules", "--lint-fatal", join(ROOT, ALERTS)],
      ["check", "config", join(ROOT, "config/prometheus/prometheus.yml")],
    ])
      expect((await promtool(words)).code, words.join(" ")).toBe(0);
  });

  test("takes every expression of the dashboard", async () => {
    const plain = (expr: string) => expr.replaceAll("$__rate_interval", "5m").replaceAll(/\$\w+/g, ".*");
    const recorded = [...shown, ...notes].map(({ expr }, i) => ({ record: `panel:${i}`, expr: plain(expr) }));
    await inFolder(async (folder) => {
      const file = join(folder, "panels.yml");
      writeFileSync(file, stringify({ groups: [{ name: "panels", rules: recorded }] }));
      const { code, output } = await promtool(["check", "rules", file]);
      expect(output).toContain(`${recorded.length} rules found`);
      expect(code).toBe(0);
    });
  });

  for (const { alert, series, at, fires } of CASES) {
    test(`fires ${alert} for what it is about, and for nothing else`, async () => {
      const rule = rules.find((candidate) => candidate.alert === alert)!;
      const { expr, labels } = rule;
      const bare = { groups: [{ name: "one", rules: [{ alert, expr, labels, for: (rule as { for?: string }).for }] }] };
      const expected = fires.map((labels) => ({ exp_labels: labels }));
      const unit = {
        rule_files: ["rules.yml"],
        evaluation_interval: "1m",
        tests: [
          {
            interval: "1m",
            input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
            alert_rule_test: [{ eval_time: at, alertname: alert, exp_alerts: expected }],
          },
        ],
      };
      await inFolder(async (folder) => {
        writeFileSync(join(folder, "rules.yml"), stringify(bare));
        writeFileSync(join(folder, "unit.yml"), stringify(unit));
        const { code, output } = await promtool(["test", "rules", join(folder, "unit.yml")]);
        expect(code, output).toBe(0);
      });
    });
  }
});

async function inFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "sluice-test-"));
  try {
    await use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
