import type { Exchange } from "../../src/model/exchange.ts";
import type { GatewayError } from "../../src/model/gateway-error.ts";
import type { Reply, Responder } from "../../src/model/reply.ts";
import type { ListenerSpec, UpstreamSpec } from "../../src/model/snapshot-spec.ts";
import { failureReply } from "../../src/proxy/failure-reply.ts";
import type { Door, Listener, ListenerContext } from "../../src/proxy/listener/listener.ts";
import { openServeListener } from "../../src/proxy/listener/serve-listener.ts";
import { Ticker } from "../../src/proxy/ticker.ts";
import { Endpoint } from "../../src/proxy/upstream/endpoint.ts";
import { createFetchTransport } from "../../src/proxy/upstream/transport/fetch-transport.ts";
import type { Transport } from "../../src/proxy/upstream/transport/transport.ts";

const clock = { now: () => performance.now(), wall: () => Date.now() };
const HOP_BY_HOP = new Set(["connection", "keep-alive", "transfer-encoding", "upgrade", "te", "proxy-connection"]);

/** Sends every exchange to one origin, as plainly as a gateway may; remembers how each ended. */
export class FakeDoor implements Door {
  readonly ended_: { exchange: Exchange; error: GatewayError | undefined }[] = [];
  ready = true;
  readonly limits = {
    maxConnections: null,
    maxConnectionsPerIp: null,
    maxHeaderBytes: 65536,
    maxUriBytes: 8192,
    maxBodyBytes: null,
  };
  timeouts = { headMs: 10_000, bodyIdleMs: 60_000, keepAliveMs: 75_000, streamIdleMs: null as number | null };
  upstreamTimeouts = { connectMs: 3000, firstByteMs: 30_000, idleMs: 60_000, totalMs: null };
  /** Instead of forwarding. */
  answer: ((exchange: Exchange, on: Responder) => void) | null = null;
  readonly #transport: Transport | null;
  readonly #endpoint: Endpoint | null;

  constructor(transport: Transport | null, endpoint: Endpoint | null) {
    this.#transport = transport;
    this.#endpoint = endpoint;
  }

  handle(exchange: Exchange, on: Responder): void {
    if (this.answer !== null) return this.answer(exchange, on);
    const { headers, method, target, authority } = exchange.received;
    // As a gateway does for X-Forwarded-For; Bun forgets the address when the exchange is over.
    void exchange.peer.address;
    const outgoing = headers.clone();
    for (const name of HOP_BY_HOP) outgoing.remove(name);
    const endpoint = this.#endpoint!;
    exchange.running = this.#transport!.send(
      {
        exchange,
        endpoint,
        addresses: [endpoint.host],
        method,
        target,
        authority,
        headers: outgoing,
        body: exchange.requestBody,
        upgrade: exchange.upgrade,
        timeouts: this.upstreamTimeouts,
        streamIdleMs: this.timeouts.streamIdleMs,
      },
      on,
    );
  }

  ended(exchange: Exchange, error?: GatewayError): void {
    this.ended_.push({ exchange, error });
  }

  refuse(error: GatewayError): Reply {
    return failureReply(error, "refused");
  }

  failureReply(error: GatewayError): Reply {
    return failureReply(error, "failed");
  }

  isTrustedPeer(): boolean {
    return false;
  }

  clientIp(exchange: Exchange): string {
    return exchange.peer.address;
  }

  requestId(): string {
    return "id";
  }
}

export interface Edge {
  readonly door: FakeDoor;
  readonly listener: Listener;
  readonly port: number;
  readonly fast: Ticker;
  close(): void;
}

export function upstreamSpec(
  port: number,
  more: Partial<UpstreamSpec> = {},
  scheme: "http" | "https" = "http",
  host = "127.0.0.1",
): UpstreamSpec {
  return {
    name: "origin",
    endpoints: [{ scheme, host, port, weight: 1, basePath: "" }],
    protocol: "http1",
    tls: { ca: null, cert: null, key: null, serverName: null, insecure: false },
    balance: { policy: "round-robin" },
    sticky: null,
    retries: {
      max: 0,
      on: { reset: false, timeout: false, statuses: [] },
      perTryMs: null,
      budget: { ratio: 0.2, minPerSecond: 1, windowMs: 10_000 },
      backOff: { baseMs: 25, maxMs: 250, maxRetryAfterMs: 1000 },
      hedgeAfterMs: null,
      replayBytes: 65_536,
    },
    timeouts: { connectMs: 3000, firstByteMs: 30_000, idleMs: 60_000, totalMs: null },
    limits: { maxConnections: 1024, maxPending: 1024 },
    health: { active: null, passive: null, slowStart: null, panicBelow: null },
    breaker: { upstream: null, endpoint: null },
    breakerSlot: 0,
    endpointBreakerSlots: [1],
    endpointSlots: [1],
    admission: null,
    ...more,
  };
}

export function listenerSpec(more: Partial<ListenerSpec> = {}): ListenerSpec {
  return {
    name: "test",
    host: "127.0.0.1",
    port: 0,
    edge: "serve",
    tls: [],
    http2: false,
    http3: false,
    redirectToHttps: false,
    proxyProtocol: false,
    healthPath: null,
    ...more,
  };
}

/** A serve listener in front of an origin (null: none; set `door.answer`). */
export function openEdge(origin: UpstreamSpec | number | null, listener: Partial<ListenerSpec> = {}): Edge {
  const fast = new Ticker(clock, 20);
  const spec = typeof origin === "number" ? upstreamSpec(origin) : origin;
  const transport = spec === null ? null : createFetchTransport(spec, { clock, fast });
  const door = new FakeDoor(transport, spec === null ? null : new Endpoint(spec.name, spec.endpoints[0]!));
  const context: ListenerContext = { door, clock, fast, reusePort: true };
  const bound = openServeListener(listenerSpec(listener), context);
  return {
    door,
    listener: bound,
    port: bound.port,
    fast,
    close() {
      bound.stop();
      transport?.retire();
      fast.stop();
    },
  };
}

export * from "./raw-peers.ts";
