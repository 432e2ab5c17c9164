import type { Body } from "./body.ts";
import type { ErrorKind, GatewayError } from "./gateway-error.ts";
import type { HeaderMap } from "./header-map.ts";
import type { Cancel } from "./reply.ts";

export type HttpVersion = "1.0" | "1.1" | "2" | "3";

/** A request head. `target` is as received (origin-form after absolute-form was taken apart); `authority` keeps the port. */
export interface Message {
  readonly method: string;
  readonly target: string;
  readonly authority: string;
  readonly version: HttpVersion;
  readonly headers: HeaderMap;
  /** `TE: trailers`: the client reads trailers. */
  readonly teTrailers?: boolean;
}

/** Who is at the other end of the downstream connection; from PROXY protocol where the listener speaks it. */
export interface Peer {
  readonly address: string;
  readonly port: number;
  /** Set once per connection: is the peer one of `trustedProxies`? */
  readonly trusted: boolean;
}

export interface Identity {
  readonly id: string;
  readonly by: string;
  readonly scopes?: readonly string[];
  readonly claims?: Readonly<Record<string, unknown>>;
}

/** What a reply says of the rate limits that its request met: of the one with the least left. */
export interface RateState {
  /** `RateLimit-Policy`, and the name in `RateLimit`: as they stand in the fields. */
  readonly policy: string;
  readonly quotedName: string;
  readonly remaining: number;
  readonly resetMs: number;
}

/** What plugins do with one exchange, as far as those who do not know plugins need it. */
export interface ExchangeHooks {
  /** The exchange is over, body included; called once. */
  ended(): void;
}

/** What the rest of the world may know of a matched route. */
export interface RouteInfo {
  readonly id: string;
  readonly slot: number;
  readonly labels: Readonly<Record<string, string>>;
}

/** What only the snapshot knows how to work out, asked for when first needed. */
export interface ExchangeOrigins {
  clientIp(exchange: Exchange): string;
  requestId(exchange: Exchange): string;
}

/** Something taken for the length of an exchange (a place at an endpoint, a limit's slot). */
export interface Release {
  release(): void;
}

const NO_PARAMS: Readonly<Record<string, string>> = Object.freeze({});

/** What a listener knows of a request when its head is complete. */
export interface ExchangeInit {
  readonly received: Message;
  readonly scheme: "http" | "https";
  /** Lower case, without port and without a trailing dot. */
  readonly host: string;
  readonly peer: Peer;
  readonly listener: string;
  readonly requestBody: Body | null;
  /** The client asked for another protocol (Upgrade); its lower-case name, else null. */
  readonly upgrade: string | null;
  readonly startedAt: number;
  readonly origins: ExchangeOrigins;
  /** What the listener's edge can carry: a byte edge takes raw tunnels and trailers. Default `serve`. */
  readonly edge?: "serve" | "wire";
}

/** One request, its reply and its attempts. Knows no client socket. */
export class Exchange {
  readonly received: Message;
  readonly scheme: "http" | "https";
  /** Follows the request when a hook sends it to another host. */
  host: string;
  readonly peer: Peer;
  readonly listener: string;
  readonly upgrade: string | null;
  readonly edge: "serve" | "wire";
  /** On the monotonic clock, in ms. */
  readonly startedAt: number;
  requestBody: Body | null;
  identity: Identity | null = null;
  route: RouteInfo | null = null;
  params: Readonly<Record<string, string>> = NO_PARAMS;
  /** null: no rate limit counted the request. */
  rate: RateState | null = null;
  upstream: string | null = null;
  endpoint: string | null = null;
  /** Where the endpoint's numbers are kept; -1: there is none. */
  endpointSlot = -1;
  attempts = 0;

  /** Of the reply; 0 until its head is known. */
  status = 0;
  source: "upstream" | "plugin" | "sluice" = "sluice";
  /** Set when the exchange failed, whoever's fault; `plugin:…` where a plugin gave the reason. */
  code: ErrorKind | `plugin:${string}` | null = null;
  failure: GatewayError | null = null;
  /** Body bytes, without framing. */
  requestBytes = 0;
  replyBytes = 0;
  /** Monotonic ms when the reply's head was known; 0 before. */
  headAt = 0;
  endedAt = 0;

  /** A health check: nobody wants to count or log it. */
  quiet = false;

  /** What to stop when the client goes away: set by whoever works on the exchange at the moment. */
  running: Cancel | null = null;
  /** What to give back when the exchange is over, body included. */
  holding: Release | null = null;
  /** Its places in what is limited, given back last of all. */
  admitted: Release | null = null;

  /** null: no plugin has anything to do with it. */
  hooks: ExchangeHooks | null = null;
  /** `outgoing` holds nothing any more that an untrusted peer says about the client: what it holds goes on as it is. */
  cleaned = false;

  readonly #origins: ExchangeOrigins;
  #clientIp: string | null = null;
  #id: string | null = null;
  #outgoing: Message | null = null;

  constructor(init: ExchangeInit) {
    this.received = init.received;
    this.scheme = init.scheme;
    this.host = init.host;
    this.peer = init.peer;
    this.listener = init.listener;
    this.requestBody = init.requestBody;
    this.upgrade = init.upgrade;
    this.startedAt = init.startedAt;
    this.edge = init.edge ?? "serve";
    this.#origins = init.origins;
  }

  /** The client's address: the peer's, or what trusted proxies say it is. */
  get clientIp(): string {
    return (this.#clientIp ??= this.#origins.clientIp(this));
  }

  /** Kept from a trusted proxy, else new. */
  get id(): string {
    return (this.#id ??= this.#origins.requestId(this));
  }

  /** The request as hooks left it; `received` while nobody changed it. Read-only: change it through `edit()`. */
  get outgoing(): Message {
    return this.#outgoing ?? this.received;
  }

  /** A copy of the request that may be changed; the same one for every caller. */
  edit(): { method: string; target: string; authority: string; version: HttpVersion; headers: HeaderMap } {
    this.#outgoing ??= { ...this.received, headers: this.received.headers.clone() };
    return this.#outgoing;
  }
}
