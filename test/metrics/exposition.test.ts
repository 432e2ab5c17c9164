import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type Format, formatFor, labels, line } from "../../src/observability/metrics/exposition.ts";
import { WorkerReports } from "../../src/observability/metrics/worker-reports.ts";
import { exchange, SamplePage } from "./sample-page.ts";
import { parseStrictly } from "./strict-parser.ts";

const PROMETHEUS =
  "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";

describe("the metrics page", () => {
  test("is what both formats allow, in both", async () => {
    const page = new SamplePage().fill();
    const text = parseStrictly(await page.text(), "text");
    const open = parseStrictly(await page.text(false, PROMETHEUS), "openmetrics");
    expect(text.length).toBeGreaterThan(40);
    expect(open.flatMap(({ samples }) => samples.map(({ name }) => name))).toEqual(
      text.flatMap(({ samples }) => samples.map(({ name }) => name)),
    );
  });

  test("is what both formats allow when nothing has happened and no worker answers", async () => {
    const page = new SamplePage();
    page.reports = new WorkerReports({ workers: () => [] });
    expect(parseStrictly(await page.text(), "text").map(({ name }) => name)).toContain("http_request_duration_seconds");
    parseStrictly(await page.text(true, PROMETHEUS), "openmetrics");
  });

  test("counts requests by route, method and status", async () => {
    const page = new SamplePage().fill();
    expect(await page.value("http_requests_total", { route: "users", method: "GET", status: "200" })).toBe(4);
    expect(await page.value("http_requests_total", { route: "users", method: "GET", status: "503" })).toBe(1);
    expect(await page.value("http_requests_total", { route: "(none)", method: "GET", status: "404" })).toBe(1);
    expect(await page.value("http_requests_total", { route: 'odd "\\\n route', method: "OTHER", status: "418" })).toBe(
      1,
    );
  });

  test("has latencies in seconds, and in ms under the name that FlexGate gave them", async () => {
    const page = new SamplePage().fill();
    const [seconds, ms] = ["http_request_duration_seconds", "http_request_duration_ms"];
    expect(await page.value(`${seconds}_bucket`, { route: "users", le: "0.005" })).toBe(4);
    expect(await page.value(`${ms}_bucket`, { route: "users", le: "5" })).toBe(4);
    expect(await page.value(`${ms}_bucket`, { route: "users", le: "+Inf" })).toBe(6);
    expect(await page.value(`${seconds}_sum`, { route: "users" })).toBeCloseTo(20.0392);
    expect(await page.value(`${ms}_sum`, { route: "users" })).toBeCloseTo(20_039.2);
    expect(await page.text()).not.toContain(ms);
  });

  test("says why requests failed, what limits did, and how often was tried again", async () => {
    const page = new SamplePage().fill();
    expect(await page.value("sluice_request_failures_total", { route: "users", code: "overloaded" })).toBe(1);
    expect(await page.value("sluice_rate_limit_requests_total", { route: "users", outcome: "allowed" })).toBe(4);
    expect(await page.value("sluice_rate_limit_requests_total", { route: "users", outcome: "refused" })).toBe(1);
    expect(await page.value("sluice_route_retries_total", { route: 'odd "\\\n route' })).toBe(2);
  });

  test("tells endpoints apart", async () => {
    const page = new SamplePage().fill();
    const first = { upstream: "api", endpoint: "http://10.0.0.1:80" };
    const second = { upstream: "api", endpoint: "http://10.0.0.2:80" };
    expect(await page.value("sluice_upstream_requests_total", { ...first, status: "200" })).toBe(1);
    expect(await page.value("sluice_upstream_failures_total", { ...first, code: "upstream_reset" })).toBe(1);
    // A failure has no reply, so it has no latency.
    expect(await page.value("sluice_upstream_response_seconds_count", first)).toBe(1);
    expect(await page.value("sluice_upstream_retries_total", second)).toBe(1);
    expect(await page.value("sluice_upstream_received_bytes_total", second)).toBe(1000);
    expect(await page.value("sluice_upstream_in_flight", first)).toBe(3);
    expect(await page.value("sluice_endpoint_available_ratio", first)).toBe(0.5);
    expect(await page.value("sluice_circuit_breaker_state", first)).toBe(2);
    expect(await page.value("sluice_pool_connections", { ...first, state: "busy" })).toBe(3);
  });

  test("adds up what workers and this process counted of events", async () => {
    const page = new SamplePage();
    const own = { upstream: "api", endpoint: "" };
    expect(await page.value("sluice_rate_limit_exceeded_total", { limit: "global", mode: "enforce" })).toBe(5);
    expect(await page.value("sluice_config_reloads_total", { result: "applied" })).toBe(2);
    expect(await page.value("sluice_circuit_breaker_transitions_total", { ...own, to: "half_open" })).toBe(1);
    expect(await page.value("sluice_workers", { state: "serving" })).toBe(2);
    expect(await page.value("sluice_worker_restarts_total", { worker: "1" })).toBe(2);
  });

  test("never names a path, a method or a status that no configuration and no standard names", async () => {
    const page = new SamplePage();
    for (let i = 0; i < 5000; i++)
      page.counters.record(exchange({ method: `M${i}`, status: 100 + (i % 900), code: "plugin:whatever" }));
    const requests = (await page.families()).find(({ name }) => name === "http_requests_total")!.samples;
    expect(requests.length).toBeLessThan(40);
    expect(new Set(requests.map(({ labels: { method } }) => method))).toEqual(new Set(["OTHER"]));
    expect(requests.reduce((sum, { value }) => sum + value, 0)).toBe(5000);
  });
});

describe("the parser of these tests", () => {
  const head = "# HELP m h\n# TYPE m gauge\n";
  const refused: Array<[text: string, says: string]> = [
    [`${head}m 1`, "does not end"],
    ["m 1\n", "without TYPE"],
    [`${head}m 1\nm 1\n`, "was there already"],
    [`${head}m{a="1",a="2"} 1\n`, "two labels"],
    [`${head}m{a="\\x"} 1\n`, "no labels"],
    [`${head}m one\n`, "no number"],
    [`${head}other 1\n`, "not of the family"],
    [`${head}m 1\n# HELP x h\n# TYPE x gauge\nx 1\n# HELP m h\n`, "was there already"],
    ['# HELP m h\n# TYPE m histogram\nm_bucket{le="1"} 2\nm_bucket{le="+Inf"} 1\nm_sum 1\nm_count 1\n', "falls"],
    ['# HELP m h\n# TYPE m histogram\nm_bucket{le="+Inf"} 1\nm_sum 1\nm_count 2\n', "_count"],
  ];
  for (const [text, says] of refused) {
    test(`refuses ${JSON.stringify(text)}`, () => expect(() => parseStrictly(text, "text")).toThrow(says));
  }
});

describe("labels", () => {
  test("may be anything at all and come out as they went in", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.double(), (value, number) => {
        const text = `# TYPE m gauge\n# HELP m h\n${line("m", labels({ value }), number)}`;
        const [family] = parseStrictly(text, "text");
        expect(family!.samples[0]!.labels).toEqual({ value });
        expect(family!.samples[0]!.value).toBe(number === 0 ? 0 : number);
      }),
    );
  });
});

describe("a scraper gets", () => {
  const asks: Array<[accept: string | null, format: Format]> = [
    [null, "text"],
    ["", "text"],
    ["*/*", "text"],
    ["text/html,*/*;q=0.8", "text"],
    [PROMETHEUS, "openmetrics"],
    ["application/openmetrics-text", "openmetrics"],
    ["APPLICATION/OpenMetrics-Text; Version=1.0.0", "openmetrics"],
    ["application/openmetrics-text;version=2.0.0", "text"],
    ["application/openmetrics-text;q=0", "text"],
    ["application/openmetrics-text;q=0.1,text/plain;q=0.9", "text"],
    ["application/openmetrics-text;q=x", "text"],
  ];
  for (const [accept, format] of asks) {
    test(`${format} for ${JSON.stringify(accept)}`, () => expect(formatFor(accept)).toBe(format));
  }
});
