/**
 * What one forwarded request costs in JavaScript: the real way from a downstream connection through the gateway to an upstream
 * connection and back, with sockets that take everything and do nothing. `bun bench/micro/wire-path.ts [REQUESTS] [bare|guarded]`: `bare` is without
 * health, breakers and retries; with `guarded` all of them are configured.
 */
import type { SnapshotSpec } from "../../src/model/snapshot-spec.ts";
import { Counters, SLOT_SIZE } from "../../src/observability/counters.ts";
import { Gateway } from "../../src/proxy/gateway.ts";
import { WireConnection } from "../../src/proxy/listener/wire-connection.ts";
import type { PluginHost } from "../../src/proxy/pipeline/plugin-host.ts";
import { PluginPlane } from "../../src/proxy/plugin-plane.ts";
import { Ticker } from "../../src/proxy/ticker.ts";
import { WireClient } from "../../src/proxy/upstream/transport/wire-client.ts";
import { WirePool } from "../../src/proxy/upstream/transport/wire-pool.ts";
import { WireTransport } from "../../src/proxy/upstream/transport/wire-transport.ts";
import { loadConfig } from "../../src/control/config/load-config.ts";
import { testSnapshot } from "../../src/testing/test-snapshot.ts";

const requests = Number(process.argv[2] ?? 1_000_000);
const REQUEST = Buffer.from("GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n");
const REPLY = Buffer.from(
  "HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Sat, 21 Nov 2026 08:00:00 GMT\r\nContent-Type: application/json\r\n" +
    'Content-Length: 27\r\nConnection: keep-alive\r\n\r\n{"hello":"world","n":12345}',
);

const GUARDS: Readonly<Record<string, string>> = {
  bare: ", health: { passive: false }, retries: 0",
  guarded: `,
  health: { active: { path: /health, interval: 1h }, passive: { failureRatio: 0.5, slow: true }, slowStart: 10s },
  circuitBreaker: { failureThreshold: 5, failureRatio: 0.5, openDuration: 5s, scope: both },
  retries: { max: 2, perTry: 1s }`,
};

const file = `
listeners: [{ name: web, port: 8080, edge: wire }]
upstreams: [{ name: o, endpoints: [{ url: "http://127.0.0.1:1" }, { url: "http://127.0.0.2:1" }, { url: "http://127.0.0.3:1" }]${GUARDS[process.argv[3] ?? ""] ?? ""} }]
routes: [{ path: /*, upstream: o }]
logging: { access: off }
`;
const loaded = await loadConfig("bench.yaml", { readFile: () => Buffer.from(file) as never });
if (!loaded.ok) throw new Error(JSON.stringify(loaded.errors));
const spec: SnapshotSpec = loaded.spec;

const clock = { now: () => performance.now(), wall: () => Date.now() };
const ticker = new Ticker(clock, 0);
let asked: WireClient | null = null;
let written = 0;
class NullSocket {
  client: WireClient | null = null;
  write(bytes: Uint8Array, _offset = 0, length = bytes.byteLength): number {
    written += length;
    if (this.client !== null) asked = this.client;
    return length;
  }
  pause(): void {}
  resume(): void {}
  shutdown(): void {}
  close(): void {}
  terminate(): void {}
}
const transport = new WireTransport(spec.upstreams[0]!, ticker);
const NO_PLUGINS = { watch: { cell: new Int32Array(1), label: () => 0 } } as unknown as PluginHost;
const plane = new PluginPlane({ host: NO_PLUGINS, clock, event: () => undefined, fetch });
const plugins = await plane.setUp(spec);
const snapshot = testSnapshot(spec, { plugins, transport, clock, ticker, host: NO_PLUGINS, event: () => undefined });
for (const endpoint of snapshot.upstreams.get("o")!.endpoints) {
  const pool = new WirePool({ endpoint, spec: spec.upstreams[0]!, ticker });
  transport.adopt(pool);
  const socket = new NullSocket();
  const client = (socket.client = new WireClient(pool));
  client.onConnected(socket);
}
const counters = new Counters(new Float64Array(SLOT_SIZE * 16));
const door = new Gateway(snapshot, {
  clock,
  telemetry: {
    exchangeEnded: (x) => counters.record(x),
    attemptEnded: (slot, { status, code }, ms) => counters.recordAttempt(slot, status, code, ms),
    retried: (slot) => counters.recordRetry(slot),
    event: () => undefined,
  },
});
const connection = new WireConnection(
  new NullSocket(),
  { address: "127.0.0.1", port: 1, trusted: false },
  {
    spec: spec.listeners[0]!,
    context: { door, clock, fast: ticker, reusePort: false },
    draining: false,
    leaveAt: Number.POSITIVE_INFINITY,
    closed: () => undefined,
  },
);

function run(count: number): number {
  // Processor time: what else the machine does shows less.
  const start = process.cpuUsage().user;
  for (let i = 0; i < count; i++) {
    connection.onData(REQUEST);
    if (asked === null) throw new Error("the request went nowhere");
    const client: WireClient = asked;
    asked = null;
    client.onData(REPLY);
  }
  return ((process.cpuUsage().user - start) * 1e3) / count;
}

run(Math.min(requests, 200_000));
const rounds = Array.from({ length: 10 }, () => run(requests / 10)).sort((a, b) => a - b);
const done = counters.read(1).requests;
console.log(
  `${rounds[0]!.toFixed(0)} ns a request (best of 10, median ${rounds[5]!.toFixed(0)}), ${done} done, ${Math.round(written / done)} octets each`,
);
