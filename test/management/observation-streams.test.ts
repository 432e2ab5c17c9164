import { expect, setDefaultTimeout, test } from "bun:test";
import { eventually, within } from "../kit/eventually.ts";
import { ask, RawClient } from "../kit/raw-client.ts";
import { RawOrigin } from "../kit/raw-origin.ts";
import { Reader } from "../metrics/stream-reader.ts";
import { Observed } from "./observed.ts";

setDefaultTimeout(30_000);

/** A breaker that opens at the third failure, and long stays open. */
function breaking(workers: number, origin: RawOrigin): Record<string, unknown> {
  const circuitBreaker = { failureThreshold: 3, openDuration: "60s", scope: "upstream" };
  return {
    workers,
    upstreams: [{ name: "api", url: origin.url, retries: 0, circuitBreaker }],
    routes: [{ name: "api", path: "/*", upstream: "api" }],
  };
}

async function open(observed: Observed, path: string, lastEventId?: string): Promise<Reader> {
  const response = await observed.get(path, lastEventId === undefined ? {} : { "Last-Event-ID": lastEventId });
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
  return new Reader(response.body);
}

const next = (reader: Reader) => within("the next event", reader.next());

for (const workers of [1, 2]) {
  test(`workers: ${workers}: a breaker that opens is told, logged and counted once, and who comes back hears what it missed`, async () => {
    await using origin = await RawOrigin.start((request) => request.reset());
    await using observed = await Observed.start(breaking(workers, origin));
    const first = await open(observed, "/api/stream/alerts");
    expect(await next(first)).toMatchObject({ event: "connected", id: null, data: { type: "connected" } });
    for (let i = 0; i < 6; i++) await ask(observed.port, { target: `/${i}` });
    const opened = await next(first);
    const about = { type: "circuit_breaker.opened", upstream: "api", endpoint: null };
    expect(opened).toMatchObject({ event: "message", data: { ...about, timestamp: expect.any(String) } });
    await first.leave();
    for (const _ of [1, 2]) await reload(observed);
    const second = await open(observed, "/api/stream/alerts", opened!.id!);
    expect((await next(second))!.data).not.toHaveProperty("missedEvents");
    for (const _ of [1, 2]) expect((await next(second))!.data).toMatchObject({ type: "config.reloaded" });
    await second.leave();
    const stranger = await open(observed, "/api/stream/alerts", "somebody-7");
    expect((await next(stranger))!.data).toMatchObject({ type: "connected", missedEvents: true });
    await stranger.leave();
    expect(await observed.series("sluice_circuit_breaker_transitions_total", "upstream", "to")).toEqual({
      "api opened": 1,
    });
    expect(await observed.series("sluice_config_reloads_total", "result")).toEqual({ applied: 2 });
    // Every process writes what is left of its log when it ends.
    observed.sluice.signal("SIGTERM");
    await observed.sluice.process.says('"msg":"stopped');
    expect(observed.sluice.timesLogged('"msg":"circuit_breaker.opened"')).toBe(1);
  });
}

let reloads = 0;

/** Another configuration is served. */
async function reload(observed: Observed): Promise<void> {
  const text = await Bun.file(observed.sluice.file).text();
  const before = (await observed.series("sluice_config_version"))[""];
  observed.sluice.rewriteByRename(text.replace(/\/\*( #\d+)?|"\/r\d+\/\*"/, `"/r${++reloads}/*"`));
  await eventually("the next version", async () => (await observed.series("sluice_config_version"))[""] !== before);
}

test("streams keep on beating, and summaries come by themselves", async () => {
  await using observed = await Observed.start({ workers: 2, routes: [{ path: "/", respond: { body: "hi" } }] });
  const [alerts, metrics] = [await open(observed, "/api/stream/alerts"), await open(observed, "/api/stream/metrics")];
  for (const reader of [alerts, metrics]) expect((await next(reader))!.event).toBe("connected");
  await ask(observed.port);
  const summary = await eventually("a summary that has the request", async () => {
    const heard = await next(metrics);
    return (heard!.data["summary"] as { totalRequests: number }).totalRequests === 1 ? heard : null;
  });
  expect(summary.data).toHaveProperty("statusCodes", [{ code: 200, count: 1 }]);
  // Nothing but heartbeats comes: the stream does not end, and says so within its eight seconds.
  const ended = alerts.next().catch(() => null);
  await eventually("a heartbeat", () => alerts.heartbeats > 0, 15_000);
  await alerts.leave();
  expect(await ended).toBeNull();
});

test("a client that does not read holds up nobody: each worker that is killed is told at once", async () => {
  await using observed = await Observed.start({ workers: 2, routes: [{ path: "/", respond: { body: "hi" } }] });
  const port = Number(new URL(observed.admin).port);
  await using lazy = await RawClient.connect(port);
  lazy.socket.pause();
  lazy.request({ target: "/api/stream/alerts" });
  const keen = await open(observed, "/api/stream/alerts");
  expect((await next(keen))!.event).toBe("connected");
  for (let i = 0; i < 3; i++) {
    const { pid } = (await observed.workers())[0]!;
    process.kill(pid!, "SIGKILL");
    expect((await next(keen))!.data).toMatchObject({ type: "worker.restarted", worker: 1, reason: "SIGKILL" });
  }
  expect(await observed.series("sluice_worker_restarts_total", "worker")).toEqual({ 1: 3, 2: 0 });
});

test("a hundred may listen, and one more is told to come again", async () => {
  await using observed = await Observed.start({ routes: [{ path: "/", respond: { body: "hi" } }] });
  const readers = await Promise.all(Array.from({ length: 100 }, () => open(observed, "/api/stream/alerts")));
  const refused = await observed.get("/api/stream/alerts");
  expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "5"]);
  expect(((await refused.json()) as { code: string }).code).toBe("overloaded");
  await readers[0]!.leave();
  await eventually("a free place", async () => {
    const response = await observed.get("/api/stream/alerts");
    await response.body?.cancel();
    return response.status === 200;
  });
});
