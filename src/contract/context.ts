import type { Identity } from "../model/exchange.ts";
import type { ErrorKind } from "../model/gateway-error.ts";
import type { HeaderMap } from "../model/header-map.ts";
import type { Cookies, Log } from "./services.ts";

/** The word a failure answers with: one of Sluice's own, or a plugin's. */
export type Code = ErrorKind;
export type PluginCode = `plugin:${string}`;

export interface ProblemOptions {
  /** Default: the code's own; 500 for `plugin:…`. */
  readonly status?: number;
  /** Shown to the client. */
  readonly detail?: string;
  readonly headers?: Bun.HeadersInit;
}

/** What a request says of itself before anybody changed it. */
export interface OriginalRequest {
  readonly method: string;
  readonly target: string;
  readonly host: string;
  readonly headers: HeaderMap;
}

export interface MatchedRoute {
  /** Empty where no route matched. */
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** In every phase. */
export interface ContextBase<S> {
  /** The request's id: in the logs, on the reply, at the upstream. */
  readonly id: string;
  readonly clientIp: string;
  readonly scheme: "http" | "https";
  readonly elapsedMs: number;
  readonly target: string;
  /** A view: changing it changes nothing; write `path`. */
  readonly query: URLSearchParams;
  readonly url: URL;
  /** What goes upstream. */
  readonly headers: HeaderMap;
  /** What came. */
  readonly original: OriginalRequest;
  readonly cookies: Cookies;
  /** Set by whoever authenticates; read by limits, logs and the `X-Auth-*` headers. */
  identity?: Identity | undefined;
  state: S;
  /** Aborted when the client goes away. */
  readonly signal: AbortSignal;
  /** Carries the request's id and the plugin's name. */
  readonly log: Log;
  respond(status: number, body?: Bun.BodyInit | null, headers?: Bun.HeadersInit): Response;
  /** problem+json in the shape of every failure. */
  problem(code: Code | PluginCode, options?: ProblemOptions): Response;
  /** Drain and close wait for it, up to `shutdown.drainMs`. */
  waitUntil(promise: Promise<unknown>): void;
}

interface WritableLine {
  method: string;
  host: string;
  /** Path and query. */
  path: string;
}

interface AfterMatching {
  readonly route: MatchedRoute;
  readonly params: Readonly<Record<string, string>>;
}

/** A request's body, read when asked for. Bytes that were read go upstream all the same, and can be sent again. */
export interface RequestBody {
  /** In bytes; null: unknown until it ends. */
  readonly length: number | null;
  /** @throws a 413 where it is longer than `limit` (default `bodyOptions.limitBytes`, else 1 MiB). */
  bytes(limit?: number): Promise<Uint8Array>;
  text(limit?: number): Promise<string>;
  json<T = unknown>(limit?: number): Promise<T>;
  /** Takes the body: what comes of it is forwarded only through `replace`. */
  stream(): ReadableStream<Uint8Array>;
  replace(body: Bun.BodyInit): void;
}

/** A reply on its way down. `headers` and `status` may be changed until its head is sent. */
export interface ReplyView {
  status: number;
  readonly headers: HeaderMap;
  readonly source: "upstream" | "plugin" | "sluice";
  /** Of a failure. */
  readonly code?: string | undefined;
}

export interface ExchangeFailure {
  readonly code: string;
  readonly status: number;
  readonly attempts: number;
}

export interface OutgoingRequest {
  method: string;
  target: string;
  host: string;
  readonly headers: HeaderMap;
}

export interface RouteContext<S = object> extends ContextBase<Partial<S>>, WritableLine {}

export interface RequestContext<S = object> extends ContextBase<S>, WritableLine, AfterMatching {
  /** Name of the upstream to forward to; empty where the route forwards nowhere. */
  upstream: string;
  readonly body: RequestBody | null;
}

export interface UpstreamContext<S = object> extends ContextBase<S>, Readonly<WritableLine>, AfterMatching {
  upstream: string;
  /** From 1. */
  readonly attempt: number;
}

export interface SendContext<S = object> extends ContextBase<S>, Readonly<WritableLine>, AfterMatching {
  readonly upstream: string;
  readonly attempt: number;
  /** What was picked, such as `http://10.0.0.7:8080`. */
  readonly endpoint: string;
  /** The head as it will be written; what is changed lasts this attempt. */
  readonly outgoing: OutgoingRequest;
}

export interface ResponseContext<S = object> extends ContextBase<Partial<S>>, Readonly<WritableLine>, AfterMatching {
  readonly upstream: string;
  readonly reply: ReplyView;
}

export interface ErrorContext<S = object> extends ContextBase<Partial<S>>, Readonly<WritableLine>, AfterMatching {
  readonly upstream: string;
  readonly error: ExchangeFailure;
}

export interface LogContext<S = object> extends ContextBase<Partial<S>>, Readonly<WritableLine>, AfterMatching {
  readonly upstream: string;
  readonly reply: Readonly<ReplyView>;
  readonly requestBytes: number;
  readonly replyBytes: number;
  readonly attempts: number;
}
