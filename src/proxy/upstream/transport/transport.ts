import type { Body } from "../../../model/body.ts";
import type { Exchange } from "../../../model/exchange.ts";
import type { HeaderMap } from "../../../model/header-map.ts";
import type { Cancel, Responder } from "../../../model/reply.ts";
import type { UpstreamTimeoutsSpec } from "../../../model/snapshot-spec.ts";
import type { Endpoint } from "../endpoint.ts";

/** One try of an exchange at one endpoint: the request as it leaves. */
export interface Attempt {
  readonly exchange: Exchange;
  readonly endpoint: Endpoint;
  /** Resolved and checked addresses to dial, best first; the endpoint's name must not be looked up again (rebinding). */
  readonly addresses: readonly string[];
  readonly method: string;
  /** Origin-form, or `*`. */
  readonly target: string;
  /** For the Host field. */
  readonly authority: string;
  /**
   * End-to-end fields in order, `Host` among them where the client had it; a `Content-Length` equal to `body.length` keeps
   * its place; no other framing or hop-by-hop field: those the transport's codec adds (Transfer-Encoding, Connection, Upgrade, TE).
   */
  readonly headers: HeaderMap;
  /** null: the request has no body at all. */
  readonly body: Body | null;
  /** Lower case protocol of an Upgrade that goes on, else null. */
  readonly upgrade: string | null;
  readonly timeouts: UpstreamTimeoutsSpec;
  /** A quiet event stream or tunnel; null: never ends for being quiet. */
  readonly streamIdleMs: number | null;
}

/**
 * Sends attempts to endpoints and reports through `on` (any number of `informational`, then exactly one other verb).
 *
 * The transport owns the connect, first-byte and idle timeouts: it alone sees those moments. Reply headers arrive without
 * hop-by-hop fields that frame (`Transfer-Encoding`); `Content-Length` stays in place. Cancelling before the head ends in
 * `failed(why)`; after it, in the reply body's `done(why)`. Failures before any byte was sent say `retry: "safe"`.
 */
export interface Transport {
  send(attempt: Attempt, on: Responder): Cancel;
  /** No new attempts come: idle connections close, running ones finish. */
  retire(): void;
}
