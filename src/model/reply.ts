import type { Body, Sink } from "./body.ts";
import type { GatewayError } from "./gateway-error.ts";
import type { HeaderMap } from "./header-map.ts";

/**
 * A final response. `headers` hold end-to-end fields. `body: null` is a reply without body bytes: HEAD, 204, 304, or empty.
 * A `Content-Length` in `headers` of a reply without body describes what GET would have brought and goes on as it is.
 */
export interface Reply {
  status: number;
  reason: string;
  headers: HeaderMap;
  body: Body | null;
}

/** A raw byte stream in both directions, after 101. */
export interface ByteTunnel {
  readonly kind: "bytes";
  /** Bytes from the peer; `pipeTo` may be called once. */
  readonly incoming: Body;
  /** Bytes to the peer; `end` is a half-close. */
  readonly outgoing: Sink;
  close(why: GatewayError): void;
  /** Set by whoever uses the tunnel; called once when the peer's connection is gone, however it ended. */
  onClosed: ((why: GatewayError) => void) | null;
}

/** WebSocket messages in both directions: what the web-standard edge and transport exchange instead of raw bytes. */
export interface MessageTunnel {
  readonly kind: "messages";
  send(data: string | Uint8Array): void;
  ping(data: Uint8Array): void;
  pong(data: Uint8Array): void;
  /** `code` 1005: none was given; 1006: the peer vanished (RFC 6455 §7.4.1). */
  close(code: number, reason: string): void;
  /** Bytes that `send` could not hand to the kernel yet. */
  readonly buffered: number;
  onMessage: ((data: string | Uint8Array) => void) | null;
  onPing: ((data: Uint8Array) => void) | null;
  onPong: ((data: Uint8Array) => void) | null;
  onClose: ((code: number, reason: string) => void) | null;
}

export type Duplex = ByteTunnel | MessageTunnel;

/** Stops an attempt or an exchange; does nothing when it is over. */
export interface Cancel {
  cancel(why: GatewayError): void;
  /** The client has ended its side: it still reads, or is gone. For what only waits its turn, and may rather not. */
  doubt?(): void;
}

/**
 * Who hears about the outcome. A listener gives one to the gateway with each exchange, the gateway one to a transport with
 * each attempt. Any number of `informational`, then exactly one of the other three. Called synchronously when possible.
 */
export interface Responder {
  /** 1xx except 101. */
  informational(status: number, headers: HeaderMap): void;
  reply(reply: Reply): void;
  /** After 101. */
  tunnel(reply: Reply, upstream: Duplex): void;
  failed(error: GatewayError): void;
}
