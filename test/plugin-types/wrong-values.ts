/** What hooks return and hand over. */
import { definePlugin, t } from "sluice";
import { testPlugin } from "sluice/testing";

const config = t.Object({});

export const returnsText = definePlugin({
  name: "text",
  config,
  // @ts-expect-error ctx.respond(200, "hello")
  setup: () => ({ request: () => "hello" }),
});

export const returnsBoolean = definePlugin({
  name: "boolean",
  config,
  setup: () => ({
    // @ts-expect-error a response, or nothing
    request: async (ctx) => ctx.path === "/",
  }),
});

export const returnsFromLog = definePlugin({
  name: "log",
  config,
  setup: () => ({
    // @ts-expect-error nobody waits for an answer
    log: (ctx) => ctx.respond(200),
  }),
});

export const asyncTransform = definePlugin({
  name: "transform",
  config,
  setup: () => ({
    // @ts-expect-error chosen at once
    responseBody: async () => undefined,
  }),
});

export const textTransform = definePlugin({
  name: "text-transform",
  config,
  setup: () => ({
    // @ts-expect-error bytes, not text
    responseBody: () => ({ chunk: (text: string, push) => push(text) }),
  }),
});

export const handsOver = definePlugin({
  name: "hands-over",
  config,
  setup: ({ kv, cache, metrics, every, log }) => ({
    async request(ctx) {
      // @ts-expect-error no failure has that code
      ctx.problem("forbiden");
      // @ts-expect-error its own begin with plugin:
      ctx.problem("acme:forbidden", { status: 403 });
      // @ts-expect-error a number
      ctx.problem("plugin:no", { status: "403" });
      // @ts-expect-error by whom?
      ctx.identity = { id: "ann" };
      // @ts-expect-error a list
      ctx.identity = { id: "ann", by: "me", scopes: "read" };
      // @ts-expect-error a list of words is no header's value
      ctx.headers.set("x", ["a"]);
      // @ts-expect-error null: it may not be there
      const stored: number = await kv.get<number>("n");
      // @ts-expect-error T is a number
      const loaded: string = await cache.get("n", () => 1, { ttlMs: 1 });
      // @ts-expect-error for how long?
      await cache.get("n", () => 1);
      // @ts-expect-error ttlMs
      await kv.set("n", 1, { ttl: 1 });
      // @ts-expect-error labels are words
      metrics.counter("n").inc(1, { status: 200 });
      // @ts-expect-error the interval comes first
      every(() => undefined, 1000);
      // @ts-expect-error a sentence, then fields
      log.info({ stored, loaded });
    },
  }),
});

// @ts-expect-error config
void testPlugin(handsOver, { with: {} });
