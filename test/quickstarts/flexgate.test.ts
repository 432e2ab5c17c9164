import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "../kit/eventually.ts";
import { freePort } from "../kit/free-port.ts";
import { ask, type FullReply } from "../kit/raw-client.ts";
import { RawOrigin } from "../kit/raw-origin.ts";
import { Sluice } from "../kit/sluice.ts";
import { parseStrictly } from "../metrics/strict-parser.ts";
import { Reader } from "../metrics/stream-reader.ts";
import { curl } from "./curl.ts";

const ADD = `
curl -X POST http://localhost:3000/api/routes -H 'Content-Type: application/json' -d '{"path": "/api/products", "upstream": "https://products.example.com",
  "methods": ["GET"], "rateLimit": {"requests": 50, "window": "60s"}}'      # an upstream given as a URL; rateLimit as {requests, window}`.trim();
const PRODUCTS = {
  path: "/api/products",
  upstream: "https://products.example.com",
  methods: ["GET"],
  enabled: true,
  rateLimit: { requests: 50, window: "60s" },
};
const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);

for (const workers of [1, 2]) {
  describe(`FlexGate's lines, workers: ${workers}`, () => {
    let folder: string;
    let sluice: Sluice;
    let admin: number;
    let origin: RawOrigin;
    /** Opened at the start: what they tell takes its time. */
    let metrics: Reader;
    let alerts: Reader;

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), "sluice-test-"));
      origin = await RawOrigin.start((request) =>
        request.target.startsWith("/broken") ? request.reset() : request.reply({ body: "products" }),
      );
      admin = await freePort();
      sluice = await Sluice.start((port) => ({
        listeners: [{ name: "web", host: "127.0.0.1", port }],
        workers,
        admin: { port: admin },
        store: { url: `sqlite:${join(folder, "sluice.db")}` },
        upstreams: [{ name: "frail", url: origin.url, retries: 0, circuitBreaker: { failureThreshold: 3 } }],
        routes: [{ name: "broken", path: "/broken", upstream: "frail" }],
        logging: { access: "off" },
      }));
      metrics = await follow("/api/stream/metrics");
      alerts = await follow("/api/stream/alerts");
    });

    afterAll(async () => {
      await metrics?.leave();
      await alerts?.leave();
      await sluice?.stop();
      await origin.stop();
      rmSync(folder, { recursive: true, force: true });
    });

    const get = (target: string) => ask(admin, { target });
    const send = (method: string, target: string, body?: object) =>
      ask(admin, { method, target, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });

    async function follow(path: string): Promise<Reader> {
      const response = await fetch(`http://127.0.0.1:${admin}${path}`);
      expect(response.headers.get("content-type")).toStartWith("text/event-stream");
      return new Reader(response.body);
    }

    test("health: UP, live and ready", async () => {
      const version = expect.stringMatching(/^\d+\.\d+\.\d+$/);
      for (const target of ["/health", "/health/live"])
        expect((await get(target)).json()).toEqual({ status: "UP", timestamp: TIME, version });
      const ready = await get("/health/ready");
      expect([ready.status, ready.json()]).toEqual([
        200,
        { status: "UP", timestamp: TIME, checks: { config: "UP", database: "UP" } },
      ]);
    });

    test("a route is added with its upstream as a URL, listed, changed and removed", async () => {
      const added = await curl(ADD, { 3000: admin });
      expect(added.status).toBe(201);
      const { id } = added.json() as { id: string };
      expect(added.json()).toMatchObject({ id, ...PRODUCTS });
      const breaker = { enabled: false, threshold: null };
      const listed = await list();
      expect(listed.find((route) => route["id"] === id)).toMatchObject({ id, ...PRODUCTS, circuitBreaker: breaker });
      expect(listed.find((route) => route["id"] === "broken")).toMatchObject({
        rateLimit: null,
        circuitBreaker: { enabled: true, threshold: 3 },
      });

      const changed = await send("PUT", `/api/routes/${id}`, { ...PRODUCTS, upstream: origin.url });
      expect([changed.status, changed.json()["upstream"]]).toEqual([200, origin.url]);
      expect((await ask(sluice.port, { target: "/api/products" })).text).toBe("products");
      expect((await ask(sluice.port, { target: "/api/products", method: "POST" })).status).toBe(404);

      expect((await send("DELETE", `/api/routes/${id}`)).status).toBe(204);
      expect((await ask(sluice.port, { target: "/api/products" })).status).toBe(404);
      expect((await list()).map((route) => route["id"])).toEqual(["broken"]);
    });

    test("a limit written as {requests, window} holds", async () => {
      const rateLimit = { requests: 2, window: "60s" };
      const body = { path: "/limited", upstream: origin.url, methods: ["GET"], rateLimit };
      expect((await send("POST", "/api/routes", body)).status).toBe(201);
      const statuses: number[] = [];
      for (let i = 0; i < 3; i++) statuses.push((await ask(sluice.port, { target: "/limited" })).status);
      expect(statuses).toEqual([200, 200, 429]);
    });

    test("a route that comes back as it was listed is taken", async () => {
      const { id } = (await curl(ADD, { 3000: admin })).json() as { id: string };
      const shown = (await list()).find((route) => route["id"] === id);
      const { path, upstream, methods, enabled, rateLimit } = shown!;
      const back = await send("PUT", `/api/routes/${id}`, { id, path, upstream, methods, enabled, rateLimit });
      expect([back.status, back.json()]).toEqual([200, expect.objectContaining(shown!)]);
      await send("DELETE", `/api/routes/${id}`);
    });

    test("the audit log, a page at a time", async () => {
      const first = (await get("/api/logs?page=1&pageSize=2")).json();
      expect(first).toEqual({
        logs: [expect.anything(), expect.anything()],
        total: expect.any(Number),
        page: 1,
        pageSize: 2,
      });
      const second = (await get("/api/logs?page=2&pageSize=2")).json();
      const lines = [...(first["logs"] as object[]), ...(second["logs"] as object[])];
      for (const line of lines) {
        expect(line).toEqual({
          id: expect.any(String),
          timestamp: TIME,
          level: "info",
          message: expect.any(String),
          metadata: expect.any(Object),
        });
      }
      expect(new Set(lines.map((line) => (line as { id: string }).id)).size).toBe(4);
    });

    test("the summary has FlexGate's shape and counts", async () => {
      await ask(sluice.port, { target: "/nowhere" });
      await eventually("the request to be counted", async () => {
        const { statusCodes } = (await get("/api/metrics")).json() as { statusCodes: Array<{ code: number }> };
        return statusCodes.some(({ code }) => code === 404);
      });
      expect((await get("/api/metrics")).json()).toEqual(summaryShape());
    });

    test("/prometheus/metrics has FlexGate's names", async () => {
      await ask(sluice.port, { target: "/limited" });
      const text = (await get("/prometheus/metrics")).text;
      const families = new Map(parseStrictly(text, "text").map((family) => [family.name, family]));
      const requests = families.get("http_requests_total")!.samples;
      for (const { labels } of requests) expect(Object.keys(labels).sort()).toEqual(["method", "route", "status"]);
      const duration = families.get("http_request_duration_ms")!;
      expect(duration.type).toBe("histogram");
      const names = new Map(duration.samples.map(({ name, labels }) => [name, Object.keys(labels).sort()]));
      expect(Object.fromEntries(names)).toEqual({
        http_request_duration_ms_bucket: ["le", "route"],
        http_request_duration_ms_sum: ["route"],
        http_request_duration_ms_count: ["route"],
      });
    });

    test("a breaker that opens is told to who follows alerts", async () => {
      const hello = await alerts.next();
      expect(hello).toMatchObject({ event: "connected", data: { type: "connected", clientId: expect.any(String) } });
      // Each worker counts what it sees itself, or all of them together: either way one of them sees enough.
      for (let i = 0; i < 12; i++) await ask(sluice.port, { target: "/broken" });
      for (;;) {
        const heard = await alerts.next();
        if (heard?.data["type"] !== "circuit_breaker.opened") continue;
        expect(heard.data).toMatchObject({ upstream: "frail", timestamp: TIME });
        return;
      }
    });

    // Once is enough: it is one process that tells, however many serve.
    test.skipIf(workers > 1)(
      "who follows the metrics hears `connected` first, and then the summary every five seconds",
      async () => {
        const hello = await metrics.next();
        expect(hello).toMatchObject({ event: "connected", data: { type: "connected", clientId: expect.any(String) } });
        const heard = [await metrics.next(), await metrics.next()];
        expect(heard.map((one) => one!.event)).toEqual(["message", "message"]);
        expect(heard[1]!.data).toEqual(summaryShape());
        const { requestRate, statusCodes } = heard[1]!.data;
        const { data } = requestRate as { data: Array<{ timestamp: string; value: number }> };
        for (const point of data) expect(point).toEqual({ timestamp: TIME, value: expect.any(Number) });
        const apart = data.map(({ timestamp }) => Date.parse(timestamp));
        // A bound for a machine that is busy; the clock is the product's.
        expect(apart[1]! - apart[0]!).toBeGreaterThan(4_000);
        for (const one of statusCodes as object[])
          expect(one).toEqual({ code: expect.any(Number), count: expect.any(Number) });
      },
      30_000,
    );

    async function list(): Promise<Array<Record<string, unknown>>> {
      const reply: FullReply = await get("/api/routes");
      return JSON.parse(reply.text) as Array<Record<string, unknown>>;
    }
  });
}

function summaryShape(): Record<string, unknown> {
  const number = expect.any(Number);
  return {
    summary: {
      totalRequests: number,
      avgLatency: number,
      errorRate: number,
      availability: number,
      p50Latency: number,
      p95Latency: number,
      p99Latency: number,
    },
    requestRate: { name: "Request Rate", data: expect.any(Array), unit: "req/s" },
    statusCodes: expect.any(Array),
  };
}
