/** `ctx.state` holds what this plugin provides and needs, and nothing else. */
import { definePlugin, t } from "sluice";

const config = t.Object({});

const users = definePlugin({
  name: "users",
  config,
  provides: { user: null as { id: string } | null },
  setup: () => ({ request: (ctx) => void (ctx.state.user = { id: "1" }) }),
});

export const nobodyProvides = definePlugin({
  name: "nobody",
  config,
  setup: () => ({
    request(ctx) {
      // @ts-expect-error neither provided nor needed
      void ctx.state.user;
    },
    log(ctx) {
      // @ts-expect-error nor here
      void ctx.state.tenant;
    },
  }),
});

export const needs = definePlugin({
  name: "needs",
  config,
  needs: users.provides,
  async setup() {
    return {
      request(ctx) {
        // @ts-expect-error it may be null
        void ctx.state.user.id;
        // @ts-expect-error `id` is all that is known
        void ctx.state.user?.name;
        // @ts-expect-error nobody provides it
        void ctx.state.tenant;
      },
    };
  },
});

export const provides = definePlugin({
  name: "provides",
  config,
  provides: { count: 0 },
  setup: () => ({
    request(ctx) {
      // @ts-expect-error a number
      ctx.state.count = "1";
    },
    response(ctx) {
      // @ts-expect-error an early answer may have skipped request()
      const count: number = ctx.state.count;
      void count;
    },
    route(ctx) {
      // @ts-expect-error nothing ran before
      const count: number = ctx.state.count;
      void count;
    },
  }),
});

// @ts-expect-error only what it provides
void users.provides.tenant;
