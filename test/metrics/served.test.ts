import { afterEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EventBus } from "../../src/observability/event-bus.ts";
import { LoopLag, processVitals } from "../../src/observability/metrics/process-vitals.ts";
import { MetricsPage } from "../../src/observability/metrics/metrics-page.ts";
import { trackReloads } from "../../src/observability/metrics/reloads.ts";
import { WorkerReports } from "../../src/observability/metrics/worker-reports.ts";
import { type RunningProxy, startProxy } from "../../src/start-proxy.ts";
import { eventually } from "../kit/eventually.ts";
import { freePort } from "../kit/free-port.ts";
import { ask } from "../kit/raw-client.ts";
import { toYaml } from "../kit/sluice.ts";
import { type ParsedFamily, parseStrictly } from "./strict-parser.ts";

const leftovers: Array<() => unknown> = [];
afterEach(async () => {
  for (const clean of leftovers.splice(0).toReversed()) await clean();
});

/** Real workers behind a real port. */
async function start(workers: number): Promise<{ proxy: RunningProxy; port: number }> {
  const folder = mkdtempSync(join(tmpdir(), "sluice-test-"));
  leftovers.push(() => rmSync(folder, { recursive: true }));
  const port = await freePort();
  const configuration = {
    listeners: [{ host: "127.0.0.1", port }],
    workers,
    routes: [
      { name: "ping", path: "/ping/*", respond: { status: 200, body: "pong" } },
      { name: "gone", path: "/gone", respond: { status: 410, body: "gone" } },
    ],
    logging: { level: "fatal", access: "off" },
  };
  writeFileSync(join(folder, "sluice.yaml"), toYaml(configuration));
  const proxy = await startProxy({ file: join(folder, "sluice.yaml"), mode: "serve", warn: () => undefined });
  leftovers.push(() => proxy.shutDown());
  return { proxy, port };
}

async function scrape(proxy: RunningProxy): Promise<ParsedFamily[]> {
  const lag = new LoopLag();
  const page = new MetricsPage({
    counters: proxy.counters,
    spec: () => ({ version: proxy.spec.version, routes: proxy.spec.routes, endpoints: [] }),
    workers: () => new WorkerReports({ workers: () => [] }).ask(),
    events: () => [],
    seats: () => proxy.workers,
    reload: trackReloads(new EventBus(), () => 0),
    vitals: () => processVitals(lag),
    build: { version: "test" },
  });
  let text = "";
  for await (const chunk of page.read({ accept: null, flexgate: false }).text) text += chunk;
  lag.stop();
  return parseStrictly(text, "text");
}

async function requestsOf(proxy: RunningProxy): Promise<Record<string, number>> {
  const family = (await scrape(proxy)).find(({ name }) => name === "http_requests_total");
  const samples = family?.samples ?? [];
  return Object.fromEntries(
    samples.map(({ labels, value }) => [`${labels["route"]} ${labels["method"]} ${labels["status"]}`, value]),
  );
}

for (const workers of [1, 2]) {
  test(`${workers} worker(s) count what was asked, by route, method and status`, async () => {
    const { proxy, port } = await start(workers);
    for (let i = 0; i < 12; i++) await ask(port, { target: `/ping/${i}` });
    await ask(port, { target: "/ping/x", method: "DELETE" });
    await ask(port, { target: "/ping/x", method: "BREW" });
    await ask(port, { target: "/gone" });
    for (let i = 0; i < 3; i++) await ask(port, { target: `/no/such/path/${i}` });
    const expected = {
      "ping GET 200": 12,
      "ping DELETE 200": 1,
      "ping OTHER 200": 1,
      "gone GET 410": 1,
      "(none) GET 404": 3,
    };
    await eventually("all to be counted", async () => Bun.deepEquals(await requestsOf(proxy), expected));
  });
}

test("what was counted stays when a worker is killed", async () => {
  const { proxy, port } = await start(2);
  for (let i = 0; i < 10; i++) await ask(port, { target: "/ping/x" });
  await eventually("all to be counted", async () => (await requestsOf(proxy))["ping GET 200"] === 10);
  const { pid } = proxy.workers[0]!;
  process.kill(pid!, "SIGKILL");
  await eventually("its replacement", () => proxy.workers[0]!.state === "serving" && proxy.workers[0]!.pid !== pid);
  expect((await requestsOf(proxy))["ping GET 200"]).toBe(10);
  const restarts = (await scrape(proxy)).find(({ name }) => name === "sluice_worker_restarts_total");
  expect(restarts!.samples.map(({ value }) => value)).toEqual([1, 0]);
});
