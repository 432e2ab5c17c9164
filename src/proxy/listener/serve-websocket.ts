import { GatewayError } from "../../model/gateway-error.ts";
import type { HeaderMap } from "../../model/header-map.ts";
import type { MessageTunnel } from "../../model/reply.ts";
import type { Ticked, Ticker } from "../ticker.ts";

/** Bytes that may wait on one side before the other is stopped. */
const HIGH_WATER_BYTES = 1024 * 1024;

/** A tunnel whose source can be stopped; the one of the fetch transport can. */
type PausableTunnel = MessageTunnel & { pause?(): void; resume?(): void };

export interface RelayWatch {
  readonly ticker: Ticker;
  /** null: quiet forever is fine. */
  readonly idleMs: number | null;
}

/** What an upgraded connection carries. */
export interface RelayData {
  readonly relay: WebSocketRelay;
}

type Client = Bun.ServerWebSocket<RelayData>;

/** One WebSocket: messages, pings and the close of either side reach the other, in order and unchanged. */
export class WebSocketRelay implements Ticked {
  tickSlot = -1;
  readonly #upstream: PausableTunnel;
  readonly #done: (error?: GatewayError) => void;
  readonly #ticker: Ticker;
  readonly #idleMs: number | null;
  #client: Client | null = null;
  #over = false;
  #active = true;
  #activeAt: number;
  #clientPaused = false;
  /** Pings we passed on: Bun answers each ping itself, so their pongs end here. */
  #pingsUp = 0;
  #pingsDown = 0;

  constructor(upstream: MessageTunnel, watch: RelayWatch, done: (error?: GatewayError) => void) {
    this.#upstream = upstream;
    this.#ticker = watch.ticker;
    this.#idleMs = watch.idleMs;
    this.#activeAt = watch.ticker.now;
    this.#done = done;
  }

  opened(client: Client): void {
    this.#client = client;
    const upstream = this.#upstream;
    upstream.onClose = (code, reason) => this.#upstreamClosed(code, reason);
    upstream.onPing = (data) => {
      this.#active = true;
      this.#pingsDown++;
      client.ping(data);
    };
    upstream.onPong = (data) => {
      if (this.#pingsUp > 0) this.#pingsUp--;
      else client.pong(data);
    };
    // Last: what waited at the upstream is delivered in this call.
    upstream.onMessage = (data) => this.#toClient(client, data);
    this.#ticker.add(this);
  }

  fromClient(client: Client, data: string | Uint8Array): void {
    this.#active = true;
    if (this.#over) return;
    this.#upstream.send(data);
    if (this.#clientPaused || this.#upstream.buffered <= HIGH_WATER_BYTES) return;
    // The upstream's socket has no drain event: the ticker looks again.
    this.#clientPaused = true;
    client.pause();
  }

  pingFromClient(data: Uint8Array): void {
    this.#active = true;
    if (this.#over) return;
    this.#pingsUp++;
    this.#upstream.ping(data);
  }

  pongFromClient(data: Uint8Array): void {
    this.#active = true;
    if (this.#over) return;
    if (this.#pingsDown > 0) this.#pingsDown--;
    else this.#upstream.pong(data);
  }

  clientDrained(): void {
    this.#upstream.resume?.();
  }

  clientClosed(code: number, reason: string): void {
    if (this.#over) return;
    this.#finish(code === 1006 ? new GatewayError("client_closed", "WebSocket vanished") : undefined);
    this.#upstream.close(code, reason);
  }

  /** The exchange was cancelled or its listener stops. */
  cancel(): void {
    if (this.#over) return;
    this.#upstream.close(1001, "");
    this.#client?.close(1001, "");
  }

  onTick(now: number): void {
    if (this.#clientPaused && this.#upstream.buffered <= HIGH_WATER_BYTES / 2) {
      this.#clientPaused = false;
      this.#client?.resume();
    }
    if (this.#active) {
      this.#active = false;
      this.#activeAt = now;
    } else if (this.#idleMs !== null && now - this.#activeAt >= this.#idleMs) {
      this.cancel();
    }
  }

  #toClient(client: Client, data: string | Uint8Array): void {
    this.#active = true;
    if (this.#over) return;
    // -1: taken, but the client is slow; `drain` follows.
    if (client.send(data as string | Uint8Array<ArrayBuffer>) === -1 && client.getBufferedAmount() > HIGH_WATER_BYTES)
      this.#upstream.pause?.();
  }

  #upstreamClosed(code: number, reason: string): void {
    if (this.#over) return;
    // The peer that vanished must not look like one that said goodbye.
    const isVanished = code === 1006;
    this.#finish(isVanished ? new GatewayError("upstream_reset", "WebSocket vanished") : undefined);
    if (isVanished) this.#client?.terminate();
    else if (code === 1005) this.#client?.close();
    else this.#client?.close(code, reason);
  }

  #finish(error?: GatewayError): void {
    this.#over = true;
    this.#ticker.remove(this);
    this.#done(error);
  }
}

/** The fields of a 101 that Bun does not write itself. */
export function upgradeHeaders(headers: HeaderMap): [string, string][] {
  const pairs: [string, string][] = [];
  headers.forEach((value, name) => {
    if (!WRITTEN_BY_BUN.has(name.toLowerCase())) pairs.push([name, value]);
  });
  return pairs;
}

const WRITTEN_BY_BUN: ReadonlySet<string> = new Set([
  "connection",
  "upgrade",
  "sec-websocket-accept",
  "sec-websocket-extensions",
  "content-length",
  "transfer-encoding",
]);

/** Bun's callbacks for every WebSocket of a listener. */
export const webSocketHandler: Bun.WebSocketHandler<RelayData> = {
  // Quiet sockets live; the relay has a clock of its own. Pings are the peers' business.
  idleTimeout: 0,
  sendPings: false,
  perMessageDeflate: false,
  maxPayloadLength: 64 * 1024 * 1024,
  // Nothing is ever dropped: the source is paused long before.
  backpressureLimit: 0,
  open: (ws) => ws.data.relay.opened(ws),
  message: (ws, data) => ws.data.relay.fromClient(ws, data),
  ping: (ws, data) => ws.data.relay.pingFromClient(data),
  pong: (ws, data) => ws.data.relay.pongFromClient(data),
  drain: (ws) => ws.data.relay.clientDrained(),
  close: (ws, code, reason) => ws.data.relay.clientClosed(code, reason),
};
