import type { UpstreamTlsSpec } from "../../../model/snapshot-spec.ts";
import { GatewayError } from "../../../model/gateway-error.ts";
import type { Ticked, Ticker } from "../../ticker.ts";
import { type ByteSocket, type SocketEvents, socketHandlers } from "../../wire/byte-socket.ts";
import type { Attempt } from "./transport.ts";
import { handshakeFault, type TlsSocket, upstreamTlsOptions } from "./wire-dial-tls.ts";

/** Who waits for the connection. */
export interface Dialler extends SocketEvents {
  onConnected(socket: ByteSocket): void;
  onConnectFailed(error: GatewayError): void;
}

export interface DialPlan {
  readonly attempt: Attempt;
  readonly tls: UpstreamTlsSpec;
  readonly ticker: Ticker;
}

interface DialledSocket extends TlsSocket {
  data: SocketEvents;
}

/**
 * Connects to the first address that answers, in order, and verifies who answers where the endpoint speaks TLS. All of it
 * takes `connectMs` at most, shared out among the addresses, so that a silent one leaves time for the next.
 */
export class Dial implements Ticked {
  tickSlot = -1;
  readonly #plan: DialPlan;
  readonly #dialler: Dialler;
  readonly #deadline: number;
  #at = 0;
  #until = 0;
  #socket: ByteSocket | null = null;
  #over = false;

  constructor(plan: DialPlan, dialler: Dialler) {
    this.#plan = plan;
    this.#dialler = dialler;
    this.#deadline = plan.ticker.now + plan.attempt.timeouts.connectMs;
  }

  start(): void {
    this.#plan.ticker.add(this);
    this.#tryNext();
  }

  /** Nobody waits any more. */
  abandon(): void {
    this.#finish();
    this.#socket?.terminate();
  }

  onTick(now: number): void {
    if (now >= this.#until) this.failed(this.#at, timedOut(this.#name));
  }

  // ---- what an address says; `at` is its place in the list, since an old one may still speak up ----

  opened(at: number, socket: DialledSocket): void {
    if (this.#isStale(at)) return socket.terminate();
    this.#socket = socket;
    if (this.#plan.attempt.endpoint.scheme === "http") this.#succeeded(socket);
  }

  shookHands(at: number, socket: DialledSocket, result: { ok: boolean; error: Error | null }): void {
    if (this.#isStale(at)) return;
    const { attempt, tls } = this.#plan;
    const fault = handshakeFault(socket, result, { endpoint: attempt.endpoint, tls });
    if (fault === null) return this.#succeeded(socket);
    this.failed(at, new GatewayError("upstream_connect_failed", `${this.#name}: ${fault.detail}`, fault));
  }

  failed(at: number, error: GatewayError): void {
    if (this.#isStale(at)) return;
    const socket = this.#socket;
    this.#socket = null;
    this.#at++;
    // Tells its handlers at once, which are stale by now.
    socket?.terminate();
    // Another address of somebody who is not who they should be would be no better.
    if (error.retry === "safe" && this.#at < this.#plan.attempt.addresses.length) return this.#tryNext();
    this.#finish();
    this.#dialler.onConnectFailed(error);
  }

  #tryNext(): void {
    const { attempt, ticker } = this.#plan;
    const at = this.#at;
    const address = attempt.addresses[at];
    if (address === undefined) return this.failed(at, unreachable(this.#name, "no address"));
    this.#until = ticker.now + (this.#deadline - ticker.now) / (attempt.addresses.length - at);
    try {
      const connecting = Bun.connect(this.#options(address, at) as never);
      connecting.catch((cause: Error) => this.failed(at, unreachable(this.#name, cause.message)));
    } catch (cause) {
      // Thrown at once: options that no address would make better, such as a key that is none.
      const detail = `${this.#name}: ${cause instanceof Error ? cause.message : String(cause)}`;
      this.failed(at, new GatewayError("upstream_connect_failed", detail, { retry: "never", cause }));
    }
  }

  /** Bun's types know neither pause nor the unix variant with these handlers. */
  #options(address: string, at: number): object {
    const { endpoint } = this.#plan.attempt;
    return {
      ...(endpoint.port === 0 ? { unix: address } : { hostname: address, port: endpoint.port }),
      ...(endpoint.scheme === "https" ? { tls: upstreamTlsOptions(endpoint, this.#plan.tls) } : {}),
      allowHalfOpen: true,
      data: this.#connecting(at),
      socket: {
        ...socketHandlers,
        open: (socket: DialledSocket) => this.opened(at, socket),
        handshake: (socket: DialledSocket, ok: boolean, error: Error | null) =>
          this.shookHands(at, socket, { ok, error }),
        // With a code: the alert of an upstream that wants another client certificate, which `close` does not tell.
        error: (socket: DialledSocket, error: Error) =>
          "code" in error ? socket.data.onClose(error) : socketHandlers.error(socket, error),
        connectError: (_socket: unknown, error: Error) => this.failed(at, unreachable(this.#name, error.message)),
      },
    };
  }

  /** Hears of the socket until it is handed over. */
  #connecting(at: number): SocketEvents {
    const closed = (error?: Error) =>
      this.failed(at, unreachable(this.#name, error?.message ?? "closed while connecting"));
    return { onData: () => undefined, onDrain: () => undefined, onEnd: () => closed(), onClose: closed };
  }

  #succeeded(socket: DialledSocket): void {
    this.#finish();
    socket.data = this.#dialler;
    this.#dialler.onConnected(socket);
  }

  #isStale(at: number): boolean {
    return this.#over || at !== this.#at;
  }

  #finish(): void {
    this.#over = true;
    this.#plan.ticker.remove(this);
  }

  get #name(): string {
    return this.#plan.attempt.endpoint.id;
  }
}

function unreachable(name: string, detail: string): GatewayError {
  return new GatewayError("upstream_connect_failed", `${name}: ${detail}`, { retry: "safe" });
}

function timedOut(name: string): GatewayError {
  return new GatewayError("upstream_connect_timeout", `${name}: no connection in time`);
}
