import { GatewayError } from "../../../model/gateway-error.ts";
import { HeaderMap } from "../../../model/header-map.ts";
import type { Cancel, MessageTunnel, Responder } from "../../../model/reply.ts";
import type { Ticked, Ticker } from "../../ticker.ts";
import type { FetchLinks } from "./fetch-links.ts";
import type { Attempt } from "./transport.ts";

/** Bun's WebSocket client, beyond the web's: measured on 1.4.5. */
interface Socket {
  binaryType: string;
  readonly protocol: string;
  readonly bufferedAmount: number;
  onopen: (() => void) | null;
  onmessage: ((event: { data: string | Buffer }) => void) | null;
  onerror: ((event: { message?: string }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  addEventListener(type: "ping" | "pong", listen: (event: { data: Buffer }) => void): void;
  send(data: string | Uint8Array): void;
  ping(data: Uint8Array): void;
  pong(data: Uint8Array): void;
  close(code?: number, reason?: string): void;
  terminate(): void;
  pause(): void;
  resume(): void;
}

type SocketConstructor = new (url: string, options: object) => Socket;

/** Opens a WebSocket for an attempt; what the upstream says to the handshake becomes the reply. */
export function openWebSocket(attempt: Attempt, links: FetchLinks, ticker: Ticker, on: Responder): Cancel {
  const link = links.to(attempt.endpoint, attempt.addresses[0] ?? attempt.endpoint.host);
  const scheme = attempt.endpoint.scheme === "https" ? "wss" : "ws";
  const base = link.unix === null ? link.origin.replace(/^https?/, scheme) : `${scheme}+unix://${link.unix}:`;
  const { headers, protocols } = handshakeFields(attempt.headers);
  const options = { headers, protocols, tls: link.tls, perMessageDeflate: false };
  let socket: Socket;
  try {
    socket = new (WebSocket as unknown as SocketConstructor)(base + attempt.target, options);
  } catch (cause) {
    on.failed(new GatewayError("bad_request", `the WebSocket handshake is not valid: ${String(cause)}`));
    return { cancel() {} };
  }
  const opening = new Opening(socket, attempt, ticker, on);
  ticker.add(opening);
  return opening;
}

/** Bun writes these itself; sending them twice breaks the handshake. */
const WRITTEN_BY_BUN: ReadonlySet<string> = new Set([
  "sec-websocket-key",
  "sec-websocket-version",
  "sec-websocket-extensions",
  "sec-websocket-protocol",
  "connection",
  "upgrade",
  "content-length",
]);

function handshakeFields(from: HeaderMap): { headers: Record<string, string>; protocols: string[] } {
  // Without a prototype: a client may call a field `constructor`.
  const headers: Record<string, string> = Object.create(null);
  const protocols: string[] = [];
  from.forEach((value, name) => {
    const lower = name.toLowerCase();
    if (lower === "sec-websocket-protocol") {
      for (const one of value.split(",")) if (one.trim() !== "") protocols.push(one.trim());
    } else if (!WRITTEN_BY_BUN.has(lower)) {
      headers[name] = name in headers ? `${headers[name]}, ${value}` : value;
    }
  });
  return { headers, protocols };
}

/** From the handshake's start to the tunnel. */
class Opening implements Cancel, Ticked {
  tickSlot = -1;
  readonly #socket: Socket;
  readonly #ticker: Ticker;
  readonly #on: Responder;
  readonly #where: string;
  readonly #deadline: number;
  #state: "opening" | "open" | "over" = "opening";
  #problem = "";

  constructor(socket: Socket, attempt: Attempt, ticker: Ticker, on: Responder) {
    this.#socket = socket;
    this.#ticker = ticker;
    this.#on = on;
    this.#where = attempt.endpoint.id;
    this.#deadline = ticker.now + attempt.timeouts.connectMs + attempt.timeouts.firstByteMs;
    socket.binaryType = "nodebuffer";
    socket.onopen = () => this.#opened();
    socket.onerror = (event) => {
      this.#problem = event.message ?? "";
    };
    // Comes after `onerror`, and alone when the peer vanished.
    socket.onclose = () => this.#refused();
  }

  cancel(why: GatewayError): void {
    if (this.#state === "open") this.#socket.close(1001, "");
    else this.#fail(why);
  }

  onTick(now: number): void {
    if (now >= this.#deadline)
      this.#fail(new GatewayError("upstream_timeout", `${this.#where}: no answer to the WebSocket handshake`));
  }

  #opened(): void {
    if (this.#state !== "opening") return;
    this.#state = "open";
    this.#ticker.remove(this);
    const headers = new HeaderMap(["Upgrade", "Connection"], ["websocket", "Upgrade"]);
    if (this.#socket.protocol !== "") headers.push("Sec-WebSocket-Protocol", this.#socket.protocol);
    const reply = { status: 101, reason: "Switching Protocols", headers, body: null };
    this.#on.tunnel(reply, new WebSocketTunnel(this.#socket));
  }

  #refused(): void {
    if (this.#state !== "opening") return;
    const status = Number(/101 status code: (\d{3})/.exec(this.#problem)?.[1] ?? 0);
    // Bun tells the status of a refusal, and nothing else of the reply.
    if (status >= 200 && status <= 599) {
      this.#state = "over";
      this.#ticker.remove(this);
      const headers = new HeaderMap(["Content-Length"], ["0"]);
      return this.#on.reply({ status, reason: "", headers, body: null });
    }
    const isUnconnected = /Failed to connect|ECONNREFUSED|ENOTFOUND/.test(this.#problem);
    const kind = isUnconnected ? "upstream_connect_failed" : "upstream_bad_response";
    this.#fail(new GatewayError(kind, `${this.#where}: ${this.#problem}`));
  }

  #fail(error: GatewayError): void {
    if (this.#state !== "opening") return;
    this.#state = "over";
    this.#ticker.remove(this);
    this.#socket.terminate();
    this.#on.failed(error);
  }
}

/** An open upstream WebSocket; stopped until somebody listens. */
class WebSocketTunnel implements MessageTunnel {
  readonly kind = "messages";
  onPing: ((data: Uint8Array) => void) | null = null;
  onPong: ((data: Uint8Array) => void) | null = null;
  readonly #socket: Socket;
  readonly #early: (string | Uint8Array)[] = [];
  #onMessage: ((data: string | Uint8Array) => void) | null = null;
  #onClose: ((code: number, reason: string) => void) | null = null;
  #closed: { code: number; reason: string } | null = null;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.onmessage = (event) => {
      if (this.#onMessage === null) this.#early.push(event.data);
      else this.#onMessage(event.data);
    };
    socket.onclose = (event) => {
      this.#closed = { code: event.code, reason: event.reason };
      this.#tellClose();
    };
    socket.addEventListener("ping", (event) => this.onPing?.(event.data));
    socket.addEventListener("pong", (event) => this.onPong?.(event.data));
    socket.pause();
  }

  get buffered(): number {
    return this.#socket.bufferedAmount;
  }

  get onMessage(): ((data: string | Uint8Array) => void) | null {
    return this.#onMessage;
  }

  set onMessage(listen: ((data: string | Uint8Array) => void) | null) {
    this.#onMessage = listen;
    if (listen === null) return;
    for (const data of this.#early.splice(0)) listen(data);
    this.#tellClose();
    this.#socket.resume();
  }

  get onClose(): ((code: number, reason: string) => void) | null {
    return this.#onClose;
  }

  set onClose(listen: ((code: number, reason: string) => void) | null) {
    this.#onClose = listen;
  }

  send(data: string | Uint8Array): void {
    this.#socket.send(data);
  }

  ping(data: Uint8Array): void {
    this.#socket.ping(data);
  }

  pong(data: Uint8Array): void {
    this.#socket.pong(data);
  }

  close(code: number, reason: string): void {
    this.#socket.resume();
    if (code === 1006) this.#socket.terminate();
    else if (code === 1005) this.#socket.close();
    else this.#socket.close(code, reason);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  // After the messages: a close never overtakes what was said before it.
  #tellClose(): void {
    if (this.#closed === null || this.#onMessage === null || this.#onClose === null) return;
    const { code, reason } = this.#closed;
    this.#onClose(code, reason);
    this.#onClose = null;
  }
}
