/** What a plugin says of its configuration, and of itself. */
import { definePlugin, t } from "sluice";

export const keys = definePlugin({
  name: "keys",
  config: t.Object({ ttl: t.Duration(), word: t.Optional(t.String()) }),
  setup({ config }) {
    // @ts-expect-error not in the schema
    void config.tll;
    // @ts-expect-error a number of milliseconds
    const text: string = config.ttl;
    // @ts-expect-error it may be missing
    const word: string = config.word;
    return { request: (ctx) => void ctx.respond(200, text + word) };
  },
});

export const noConfig = definePlugin(
  // @ts-expect-error config is missing
  { name: "none", setup: () => ({}) },
);

export const noName = definePlugin(
  // @ts-expect-error name is missing
  { config: t.Object({}), setup: () => ({}) },
);

export const notASchema = definePlugin({
  name: "none",
  // @ts-expect-error a map of names is no schema
  config: { ttl: "number" },
  setup: () => ({}),
});

export const unknownField = definePlugin({
  name: "field",
  config: t.Object({}),
  // @ts-expect-error provides
  provide: { user: "" },
  setup: () => ({}),
});

export const unknownPolicy = definePlugin({
  name: "policy",
  config: t.Object({}),
  // @ts-expect-error "fail" or "continue"
  onError: "ignore",
  setup: () => ({}),
});

export const unknownLimit = definePlugin({
  name: "limit",
  config: t.Object({}),
  // @ts-expect-error timeoutMs
  limits: { timeout: 100 },
  setup: () => ({}),
});

// @ts-expect-error there is no such field in a schema
export const noSuchSchema = t.Size();

export const noSuchService = definePlugin({
  name: "service",
  config: t.Object({}),
  // @ts-expect-error what it gets is called kv
  setup: ({ redis }) => ({ request: () => void redis }),
});
