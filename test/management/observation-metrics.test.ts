import { expect, setDefaultTimeout, test } from "bun:test";
import { eventually } from "../kit/eventually.ts";
import { ask } from "../kit/raw-client.ts";
import { type OriginRequest, RawOrigin } from "../kit/raw-origin.ts";
import { PROMTOOL, promtool, WITHOUT_PROMTOOL } from "../metrics/promtool.ts";
import { Observed } from "./observed.ts";

setDefaultTimeout(30_000);

/** What two endpoints have in common: the first request for each target that says so is refused. */
function flaky(): (request: OriginRequest) => void {
  const seen = new Set<string>();
  return (request) => {
    const { target } = request;
    if (target.startsWith("/api/flaky") && !seen.has(target)) {
      seen.add(target);
      return request.reply({ status: 503, body: "later" });
    }
    request.reply({ status: target === "/api/sick" ? 500 : 200, body: "0123456789" });
  };
}

function everything(workers: number, origins: readonly RawOrigin[]): Record<string, unknown> {
  const endpoints = origins.map(({ url }) => ({ url }));
  return {
    workers,
    upstreams: [
      { name: "api", endpoints, retries: { max: 2, on: [503] }, circuitBreaker: { failureThreshold: 50 } },
      // Nobody listens there.
      { name: "none", url: "http://127.0.0.1:1", retries: 0, circuitBreaker: { failureThreshold: 50 } },
    ],
    routes: [
      { name: "api", path: "/api/*", upstream: "api" },
      {
        name: "walled",
        path: "/walled",
        upstream: "api",
        plugins: [{ use: "ip-restriction", with: { deny: ["127.0.0.1"] } }],
      },
      { name: "dead", path: "/dead", upstream: "none" },
      { name: "few", path: "/few", respond: { body: "few" }, rateLimit: { max: 2, window: "60s" } },
    ],
  };
}

/** Every number that these requests make, whoever served them. */
async function totals(observed: Observed): Promise<Record<string, Record<string, number>>> {
  const series = await observed.scrape();
  const endpoints = "sluice_upstream_";
  return {
    requests: series("http_requests_total", "route", "method", "status"),
    measured: series("http_request_duration_seconds_count", "route"),
    failures: series("sluice_request_failures_total", "route", "code"),
    retries: series("sluice_route_retries_total", "route"),
    received: series("http_request_body_bytes_total", "route"),
    sent: series("http_response_body_bytes_total", "route"),
    rates: series("sluice_rate_limit_requests_total", "route", "outcome"),
    attempts: series(`${endpoints}requests_total`, "upstream", "status"),
    broken: series(`${endpoints}failures_total`, "upstream", "code"),
    again: series(`${endpoints}retries_total`, "upstream"),
    up: series(`${endpoints}sent_bytes_total`, "upstream"),
    down: series(`${endpoints}received_bytes_total`, "upstream"),
    plugin: series("sluice_plugin_ip_restriction_refused_total"),
    hooks: series("sluice_plugin_hook_seconds_count", "plugin", "phase"),
  };
}

/** Of each round; the first one has three more. */
const REQUESTS = 13;

async function everySort(observed: Observed, round: number): Promise<void> {
  const { port } = observed;
  for (let i = 0; i < 4; i++) await ask(port, { target: `/api/fine?${round}` });
  for (let i = 0; i < 2; i++) await ask(port, { target: `/api/flaky/${round}/${i}` });
  await ask(port, { method: "POST", target: "/api/sick", body: "12345" });
  for (let i = 0; i < 2; i++) await ask(port, { target: "/api/sick", method: "DELETE" });
  for (let i = 0; i < 3; i++) await ask(port, { target: "/walled" });
  await ask(port, { target: "/dead" });
  if (round === 1) for (let i = 0; i < 3; i++) await ask(port, { target: "/few" });
}

function expected(rounds: number) {
  const routes = { api: 9 * rounds, walled: 3 * rounds, dead: rounds, few: 3, "(none)": 0 };
  return {
    requests: {
      "api GET 200": 6 * rounds,
      "api POST 500": rounds,
      "api DELETE 500": 2 * rounds,
      "walled GET 403": 3 * rounds,
      "dead GET 502": rounds,
      "few GET 200": 2,
      "few GET 429": 1,
    },
    measured: routes,
    failures: { "walled forbidden": 3 * rounds, "dead upstream_connect_failed": rounds, "few rate_limited": 1 },
    retries: { api: 2 * rounds, walled: 0, dead: 0, few: 0, "(none)": 0 },
    received: { api: 5 * rounds, walled: 0, dead: 0, few: 0, "(none)": 0 },
    rates: { "few allowed": 2, "few refused": 1 },
    attempts: { "api 200": 6 * rounds, "api 500": 3 * rounds, "api 503": 2 * rounds },
    broken: { "none upstream_connect_failed": rounds },
    again: { api: 2 * rounds, none: 0 },
    up: { api: 5 * rounds, none: 0 },
    down: { api: 90 * rounds, none: 0 },
    plugin: { "": 3 * rounds },
    hooks: { "ip-restriction request": 3 * rounds },
  };
}

for (const workers of [1, 2]) {
  test(`workers: ${workers}: the page has everything that happened, exactly`, async () => {
    const behaviour = flaky();
    await using one = await RawOrigin.start(behaviour);
    await using two = await RawOrigin.start(behaviour);
    await using observed = await Observed.start(everything(workers, [one, two]));
    await everySort(observed, 1);
    await observed.counted(REQUESTS + 3);
    const counted = await totals(observed);
    expect(counted).toMatchObject(expected(1));
    expect(counted["sent"]!["api"]).toBe(90);
    expect(await observed.series("sluice_circuit_breaker_state", "upstream")).toEqual({ api: 0, none: 0 });
    const pools = await observed.series("sluice_pool_connections", "upstream", "state");
    expect(pools["api busy"]).toBe(0);
    expect(pools["api idle"]).toBeGreaterThan(0);
    expect(await observed.series("sluice_endpoint_available_ratio", "upstream")).toEqual({ api: 2, none: 1 });
    expect(await observed.series("sluice_upstream_in_flight", "upstream")).toEqual({ api: 0, none: 0 });
    expect(Object.keys(await observed.series("sluice_worker_cpu_seconds_total", "worker"))).toHaveLength(workers);
    expect(await observed.series("sluice_workers", "state")).toEqual(workers === 1 ? {} : { serving: workers });
    expect(await observed.series("sluice_scrape_silent_workers")).toEqual({ "": 0 });
  });
}

test("a worker that is killed takes no number with it, and its successor goes on from there", async () => {
  const behaviour = flaky();
  await using one = await RawOrigin.start(behaviour);
  await using two = await RawOrigin.start(behaviour);
  await using observed = await Observed.start(everything(2, [one, two]));
  await everySort(observed, 1);
  await observed.counted(REQUESTS + 3);
  // The last word of a worker about its plugins is what it said at a scrape.
  expect(await totals(observed)).toMatchObject(expected(1));
  for (const place of [0, 1]) {
    const { pid } = (await observed.workers())[place]!;
    process.kill(pid!, "SIGKILL");
    await eventually("its successor", async () => {
      const worker = (await observed.workers())[place]!;
      return worker.state === "serving" && worker.pid !== pid;
    });
    expect(await totals(observed)).toMatchObject(expected(1));
  }
  await everySort(observed, 2);
  const last = expected(2);
  await observed.counted(2 * REQUESTS + 3);
  expect(await totals(observed)).toMatchObject(last);
  expect(await observed.series("sluice_worker_restarts_total", "worker")).toEqual({ 1: 1, 2: 1 });
  const summary = (await (await observed.get("/api/metrics")).json()) as { summary: { totalRequests: number } };
  expect(summary.summary.totalRequests).toBe(2 * REQUESTS + 3);
});

test("nothing that a client makes up becomes a label", async () => {
  const routes = [{ name: "all", path: "/seen/*", respond: { body: "hi" } }];
  await using observed = await Observed.start({ workers: 2, routes });
  const hostile = [
    '/seen/"\n\\{}',
    "/seen/%00%0a%22",
    "/secret-path?token=abc",
    `/${"x".repeat(3000)}`,
    "*",
    "//evil.test/x",
  ];
  const methods = ["GET", "get", "SECRETMETHOD", "X".repeat(200), "PROPFIND", "M-SEARCH"];
  for (const target of hostile)
    for (const method of methods)
      await ask(observed.port, { target: target.replace("\n", "%0a"), method }).catch(() => null);
  for (const host of ["evil.test", 'a"b', "x".repeat(200)])
    await ask(observed.port, { target: "/nowhere", host }).catch(() => null);
  const families = await eventually("all to be counted", async () => {
    const all = await observed.families();
    const requests = all.find(({ name }) => name === "http_requests_total")!.samples;
    return requests.reduce((sum, { value }) => sum + value, 0) >= 12 ? all : null;
  });
  const values = new Set(families.flatMap(({ samples }) => samples.flatMap(({ labels }) => Object.values(labels))));
  const text = JSON.stringify([...values]);
  for (const made of ["seen/", "secret", "SECRET", "evil", "xxx", "XXX", "get", "PROPFIND", "abc", "nowhere"])
    expect(text).not.toContain(made);
  const requests = families.find(({ name }) => name === "http_requests_total")!.samples;
  expect(new Set(requests.map(({ labels }) => labels["route"]))).toEqual(new Set(["all", "(none)"]));
});

test("a configuration that is taken, and one that is not, can be told from the page", async () => {
  await using observed = await Observed.start({
    workers: 1,
    routes: [{ name: "a", path: "/", respond: { body: "hi" } }],
  });
  const state = async (): Promise<Record<string, number | undefined>> => ({
    ...(await observed.series("sluice_config_reloads_total", "result")),
    version: (await observed.series("sluice_config_version"))[""],
    ok: (await observed.series("sluice_config_last_reload_successful"))[""],
  });
  expect(await state()).toEqual({ version: 1, ok: 1 });
  const good = await Bun.file(observed.sluice.file).text();
  observed.sluice.rewriteByRename("nonsense: true\n");
  await eventually("the refusal", async () => (await state())["ok"] === 0);
  expect(await state()).toEqual({ rejected: 1, version: 1, ok: 0 });
  observed.sluice.rewriteByRename(good.replace("hi", "ho"));
  await eventually("the next version", async () => (await state())["version"] === 2);
  expect(await state()).toEqual({ rejected: 1, applied: 1, version: 2, ok: 1 });
});

test.skipIf(PROMTOOL === null)(`passes promtool check metrics as it stands${WITHOUT_PROMTOOL}`, async () => {
  const behaviour = flaky();
  await using one = await RawOrigin.start(behaviour);
  await using two = await RawOrigin.start(behaviour);
  for (const workers of [1, 2]) {
    await using observed = await Observed.start(everything(workers, [one, two]));
    await everySort(observed, 1);
    await ask(observed.port, { target: "/nowhere" });
    expect(await promtool(["check", "metrics"], await observed.page())).toEqual({ code: 0, output: "" });
  }
});
