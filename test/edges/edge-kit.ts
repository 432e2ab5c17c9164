import net from "node:net";
import type { Exchange } from "../../src/model/exchange.ts";
import { GatewayError } from "../../src/model/gateway-error.ts";
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
  readonly limits = { maxConnections: null, maxConnectionsPerIp: null, maxHeaderBytes: 65536, maxUriBytes: 8192, maxBodyBytes: null };
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

export function upstreamSpec(port: number, more: Partial<UpstreamSpec> = {}, scheme: "http" | "https" = "http", host = "127.0.0.1"): UpstreamSpec {
  return {
    name: "origin",
    endpoints: [{ scheme, host, port, weight: 1, basePath: "" }],
    protocol: "http1",
    tls: { ca: null, cert: null, key: null, serverName: null, insecure: false },
    balance: { policy: "round-robin" },
    sticky: null,
    retries: { max: 0, on: "safe", perTryMs: null },
    timeouts: { connectMs: 3000, firstByteMs: 30_000, idleMs: 60_000, totalMs: null },
    limits: { maxConnections: 1024, maxPending: 1024 },
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
  const slow = new Ticker(clock, 100);
  const spec = typeof origin === "number" ? upstreamSpec(origin) : origin;
  const transport = spec === null ? null : createFetchTransport(spec, { clock, fast });
  const door = new FakeDoor(transport, spec === null ? null : new Endpoint(spec.name, spec.endpoints[0]!));
  const context: ListenerContext = { door, clock, fast, slow, reusePort: true };
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
      slow.stop();
    },
  };
}

export interface RawOrigin {
  readonly port: number;
  /** What came, over all connections, as latin1. */
  readonly received: string;
  readonly connections: number;
  readonly sockets: net.Socket[];
  close(): void;
}

/** A TCP server that answers each complete head (or the given function decides) and records every byte. */
export function rawOrigin(answer: string | ((socket: net.Socket, received: string) => void)): Promise<RawOrigin> {
  const state = { received: "", connections: 0, sockets: [] as net.Socket[] };
  const server = net.createServer((socket) => {
    state.connections++;
    state.sockets.push(socket);
    let head = "";
    socket.on("error", () => {});
    socket.on("data", (data) => {
      const text = data.toString("latin1");
      state.received += text;
      if (typeof answer !== "string") return answer(socket, text);
      head += text;
      for (let end = head.indexOf("\r\n\r\n"); end >= 0; end = head.indexOf("\r\n\r\n")) {
        head = head.slice(end + 4);
        socket.write(answer, "latin1");
      }
    });
  });
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as net.AddressInfo;
      resolve({
        port,
        get received() {
          return state.received;
        },
        get connections() {
          return state.connections;
        },
        sockets: state.sockets,
        close() {
          server.close();
          for (const socket of state.sockets) socket.destroy();
        },
      });
    });
  });
}

export interface RawClient {
  readonly socket: net.Socket;
  readonly text: string;
  /** `end`, an error code, or "" while the connection is open. */
  readonly ending: string;
  until(seen: (text: string, ending: string) => boolean, withinMs?: number): Promise<string>;
}

export function rawClient(port: number, send: string): RawClient {
  const state = { text: "", ending: "" };
  const socket = net.connect(port, "127.0.0.1", () => socket.write(send, "latin1"));
  socket.on("data", (data) => {
    state.text += data.toString("latin1");
  });
  socket.on("error", (error: NodeJS.ErrnoException) => {
    state.ending = error.code ?? "error";
  });
  socket.on("close", () => {
    state.ending ||= "end";
  });
  return {
    socket,
    get text() {
      return state.text;
    },
    get ending() {
      return state.ending;
    },
    async until(seen, withinMs = 3000) {
      const start = performance.now();
      while (!seen(state.text, state.ending)) {
        if (performance.now() - start > withinMs) throw new Error(`not in time; got ${JSON.stringify(state.text)} ${state.ending}`);
        await Bun.sleep(2);
      }
      return state.text;
    },
  };
}

export const GET = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

/** One request, its whole reply; the connection is closed afterwards. */
export async function exchangeOnce(port: number, request: string, seen: (text: string, ending: string) => boolean = isWhole): Promise<string> {
  const client = rawClient(port, request);
  try {
    return await client.until(seen);
  } finally {
    client.socket.destroy();
  }
}

/** The reply is complete by its framing, or the connection ended. */
export function isWhole(text: string, ending: string): boolean {
  if (ending !== "") return true;
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return false;
  const length = /\r\ncontent-length: (\d+)/i.exec(text)?.[1];
  if (length !== undefined) return text.length >= end + 4 + Number(length);
  return /^HTTP\/1.1 (204|304)/.test(text) || text.endsWith("0\r\n\r\n");
}

/** The fields of a head, in order, as `name: value`. */
export function fieldsOf(message: string): string[] {
  return message.slice(0, message.indexOf("\r\n\r\n")).split("\r\n").slice(1);
}

export async function eventually(holds: () => boolean, withinMs = 3000): Promise<void> {
  const start = performance.now();
  while (!holds()) {
    if (performance.now() - start > withinMs) throw new Error("did not happen in time");
    await Bun.sleep(2);
  }
}
