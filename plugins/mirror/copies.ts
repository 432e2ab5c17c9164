import type { RequestBody, RequestContext, SendContext, Setup } from "sluice";
import type { Seen } from "./compare.ts";
import type { Config } from "./index.ts";
import { readLimited, seenOf, shadowRequest } from "./shadow-request.ts";

/** What is known of a request that is copied. */
interface Copy {
  readonly body: Uint8Array | null;
  shadow: Promise<Seen | null> | null;
  /** The client's own reply, for the comparison. */
  seen: Seen | null;
}

type SentCopy = Copy & { readonly shadow: Promise<Seen | null> };

/** Decides which requests are copied, and sends the copies: so many at a time. */
export class Copies {
  readonly #setup: Setup<Config>;
  readonly #methods: ReadonlySet<string>;
  readonly #counter;
  readonly #newRequest;
  /** By the request's state: the same plugin may stand twice on a route. */
  readonly #pending = new WeakMap<object, Copy>();
  #inFlight = 0;

  constructor(setup: Setup<Config>) {
    this.#setup = setup;
    this.#methods = new Set(setup.config.methods.map((method) => method.toUpperCase()));
    this.#counter = setup.metrics.counter("requests_total", "Copies, by what became of them.");
    this.#newRequest = shadowRequest(setup.config);
  }

  /** Waits for nothing but a body, which the copy needs and the request can be sent with all the same. */
  prepare(ctx: RequestContext<object>): void | Promise<void> {
    if (!this.#wants(ctx)) return;
    const { body } = ctx;
    if (body === null) return this.#expect(ctx, null);
    const fits = body.length !== null && body.length <= this.#setup.config.maxBody;
    // fetch cannot send a body with these.
    if (fits && ctx.method !== "GET" && ctx.method !== "HEAD") return this.#withBody(ctx, body);
    this.#counter.inc(1, { result: "skipped" });
  }

  send(ctx: SendContext<object>): void {
    const copy = this.#pending.get(ctx.state);
    if (copy === undefined || copy.shadow !== null) return;
    // Where it goes anyway it need not go twice.
    if (ctx.upstream === this.#setup.config.upstream) return void this.#pending.delete(ctx.state);
    if (this.#inFlight >= this.#setup.config.maxInFlight) {
      this.#pending.delete(ctx.state);
      this.#counter.inc(1, { result: "dropped" });
      return;
    }
    copy.shadow = this.#copy(ctx, copy.body);
    ctx.waitUntil(copy.shadow);
  }

  sentFor(state: object): SentCopy | null {
    const copy = this.#pending.get(state);
    return copy === undefined || copy.shadow === null ? null : (copy as SentCopy);
  }

  #wants(ctx: RequestContext<object>): boolean {
    if (this.#methods.size > 0 && !this.#methods.has(ctx.method)) return false;
    // A copy is not copied again, and a tunnel cannot be.
    if (ctx.headers.has("x-mirrored") || ctx.original.headers.has("upgrade")) return false;
    const { percent } = this.#setup.config;
    return percent === 100 || Math.random() * 100 < percent;
  }

  #expect(ctx: RequestContext<object>, body: Uint8Array | null): void {
    this.#pending.set(ctx.state, { body, shadow: null, seen: null });
  }

  async #withBody(ctx: RequestContext<object>, body: RequestBody): Promise<void> {
    this.#expect(ctx, await body.bytes(this.#setup.config.maxBody));
  }

  async #copy(ctx: SendContext<object>, body: Uint8Array | null): Promise<Seen | null> {
    const { diff } = this.#setup.config;
    this.#inFlight++;
    try {
      const { url, init } = this.#newRequest(ctx, body);
      const response = await this.#setup.fetch(url, init);
      const seen = seenOf(response, diff?.headers ?? []);
      seen.body = await readLimited(response, diff === undefined || diff.body === "off" ? 0 : diff.maxBody);
      this.#counter.inc(1, { result: "sent" });
      return seen;
    } catch (error) {
      this.#counter.inc(1, { result: "failed" });
      this.#setup.log.debug("a copy failed", { reason: (error as Error).name });
      return null;
    } finally {
      this.#inFlight--;
    }
  }
}
