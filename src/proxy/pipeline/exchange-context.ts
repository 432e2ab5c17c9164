import type {
  OriginalRequest,
  OutgoingRequest,
  PluginCode,
  ProblemOptions,
  ReplyView,
} from "../../contract/context.ts";
import type { Cookies, Log } from "../../contract/services.ts";
import type { Exchange, Identity } from "../../model/exchange.ts";
import type { ErrorKind } from "../../model/failures.ts";
import { type HeaderMap, isToken } from "../../model/header-map.ts";
import { hostOf } from "../http1/authority.ts";
import { problemResponse, respondWith } from "./answer.ts";
import type { HookBody } from "./request-body.ts";

/** What a context asks of the run it belongs to. */
export interface ContextHost {
  readonly exchange: Exchange;
  /** The phase that runs, in words for messages. */
  readonly phase: string;
  readonly reply: ReplyView | null;
  readonly outgoing: OutgoingRequest | null;
  readonly attempt: number;
  readonly signal: AbortSignal;
  readonly elapsedMs: number;
  readonly log: Log;
  readonly body: HookBody | null;
  cleanHeaders(): HeaderMap;
  /** @throws TypeError when there is none of that name */
  chooseUpstream(name: string): void;
  hold(promise: Promise<unknown>): void;
}

const EMPTY_ROUTE = { name: "", labels: Object.freeze({}) } as const;
const TARGET = /^\/[\x21\x22\x24-\x7e\x80-\xff]*$/;

/** Where a hook may change the request line; the types say the same. */
const BEFORE_SENDING: ReadonlySet<string> = new Set(["route", "request"]);

/** One exchange as hooks see it: the same object in every phase, so that what a plugin keeps on `state` is there later. */
export class ExchangeContext {
  state: Record<string, unknown> = {};
  readonly #host: ContextHost;
  #original: OriginalRequest | null = null;
  #cookies: Bun.CookieMap | null = null;
  #url: { target: string; host: string; url: URL } | null = null;

  constructor(host: ContextHost) {
    this.#host = host;
  }

  get id(): string {
    return this.#host.exchange.id;
  }

  get clientIp(): string {
    return this.#host.exchange.clientIp;
  }

  get scheme(): "http" | "https" {
    return this.#host.exchange.scheme;
  }

  get elapsedMs(): number {
    return this.#host.elapsedMs;
  }

  get method(): string {
    return this.#host.exchange.outgoing.method;
  }

  set method(method: string) {
    this.#mustBeEarly("method");
    if (!isToken(method) || method === "CONNECT") throw new TypeError(`${JSON.stringify(method)} is not a method`);
    this.#host.exchange.edit().method = method;
  }

  get host(): string {
    return this.#host.exchange.host;
  }

  set host(authority: string) {
    this.#mustBeEarly("host");
    const host = hostOf(authority);
    if (host === null) throw new TypeError(`${JSON.stringify(authority)} is not a host`);
    this.#host.exchange.edit().authority = authority;
    this.#host.exchange.host = host;
  }

  get path(): string {
    return this.#host.exchange.outgoing.target;
  }

  set path(path: string) {
    this.#mustBeEarly("path");
    if (!TARGET.test(path))
      throw new TypeError(
        `${JSON.stringify(path)} is not a path: it starts with "/" and has no spaces, "#" or control characters`,
      );
    this.#host.exchange.edit().target = path;
  }

  get target(): string {
    return this.#host.exchange.outgoing.target;
  }

  get query(): URLSearchParams {
    const { target } = this;
    const at = target.indexOf("?");
    return new URLSearchParams(at < 0 ? "" : target.slice(at + 1));
  }

  get url(): URL {
    const { target, authority } = this.#host.exchange.outgoing;
    const host = authority === "" ? "localhost" : authority;
    if (this.#url === null || this.#url.target !== target || this.#url.host !== host)
      this.#url = { target, host, url: new URL(`${this.scheme}://${host}${target === "*" ? "/" : target}`) };
    return this.#url.url;
  }

  get headers(): HeaderMap {
    return this.#host.cleanHeaders();
  }

  get original(): OriginalRequest {
    if (this.#original === null) {
      const { method, target, authority, headers } = this.#host.exchange.received;
      this.#original = { method, target, host: authority, headers: headers.clone() };
    }
    return this.#original;
  }

  get cookies(): Cookies {
    this.#cookies ??= new Bun.CookieMap(this.#host.exchange.received.headers.get("cookie") ?? "");
    return this.#cookies as unknown as Cookies;
  }

  /** `Set-Cookie` values of what hooks set and deleted; kept from plugins' eyes by the contract's types. */
  static setCookies(context: ExchangeContext): string[] {
    return context.#cookies?.toSetCookieHeaders() ?? [];
  }

  get identity(): Identity | undefined {
    return this.#host.exchange.identity ?? undefined;
  }

  set identity(identity: Identity | undefined) {
    if (identity !== undefined && (typeof identity.id !== "string" || typeof identity.by !== "string"))
      throw new TypeError("an identity has an id and says by whom it was established: { id, by }");
    this.#host.exchange.identity = identity ?? null;
  }

  get signal(): AbortSignal {
    return this.#host.signal;
  }

  get log(): Log {
    return this.#host.log;
  }

  get route(): { name: string; labels: Readonly<Record<string, string>> } {
    const { route } = this.#host.exchange;
    return route === null ? EMPTY_ROUTE : { name: route.id, labels: route.labels };
  }

  get params(): Readonly<Record<string, string>> {
    return this.#host.exchange.params;
  }

  get upstream(): string {
    return this.#host.exchange.upstream ?? "";
  }

  set upstream(name: string) {
    if (!["request", "upstream"].includes(this.#host.phase))
      throw new TypeError("the upstream can be chosen in request and upstream hooks only");
    this.#host.chooseUpstream(name);
  }

  get body(): HookBody | null {
    return this.#host.body;
  }

  get attempt(): number {
    return this.#host.attempt;
  }

  get endpoint(): string {
    return this.#host.exchange.endpoint ?? "";
  }

  get outgoing(): OutgoingRequest | null {
    return this.#host.outgoing;
  }

  get reply(): ReplyView | null {
    return this.#host.reply;
  }

  get error(): { code: string; status: number; attempts: number } | null {
    const { failure, attempts } = this.#host.exchange;
    return failure === null ? null : { code: failure.kind, status: failure.status, attempts };
  }

  get attempts(): number {
    return this.#host.exchange.attempts;
  }

  get requestBytes(): number {
    return this.#host.exchange.requestBytes;
  }

  get replyBytes(): number {
    return this.#host.exchange.replyBytes;
  }

  respond(status: number, body?: Bun.BodyInit | null, headers?: Bun.HeadersInit): Response {
    return respondWith(status, body, headers);
  }

  problem(code: ErrorKind | PluginCode, options: ProblemOptions = {}): Response {
    return problemResponse(code, options, this.id);
  }

  waitUntil(promise: Promise<unknown>): void {
    this.#host.hold(promise);
  }

  #mustBeEarly(what: string): void {
    if (!BEFORE_SENDING.has(this.#host.phase))
      throw new TypeError(
        `${what} can be changed in route and request hooks only; in send hooks there is ctx.outgoing`,
      );
  }
}
