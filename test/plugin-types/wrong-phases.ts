/** A phase that does not exist would never run: each of these must not compile. */
import { definePlugin, t } from "sluice";

const config = t.Object({});

export const alone = definePlugin({
  name: "alone",
  config,
  // @ts-expect-error reqest
  setup: () => ({ reqest() {} }),
});

export const besideRightOnes = definePlugin({
  name: "beside",
  config,
  // @ts-expect-error responze
  setup: () => ({
    request: (ctx) => void ctx.path,
    responze() {},
  }),
});

export const inAsyncSetup = definePlugin({
  name: "async",
  config,
  // @ts-expect-error onRequest
  setup: async () => ({
    request(ctx) {
      const path: string = ctx.path;
      void path;
    },
    onRequest() {},
  }),
});

export const inABlock = definePlugin({
  name: "block",
  config,
  // @ts-expect-error Response
  setup({ log }) {
    log.info("set up");
    return { request() {}, Response() {} };
  },
});

export const inAVariable = definePlugin({
  name: "variable",
  config,
  // @ts-expect-error respone
  setup() {
    const hooks = { request() {}, respone() {} };
    return hooks;
  },
});

export const aTransform = definePlugin({
  name: "transform",
  config,
  // @ts-expect-error bodyResponse
  setup: () => ({ log() {}, bodyResponse: () => undefined }),
});

export const withProvides = definePlugin({
  name: "provides",
  config,
  provides: { user: "" },
  // @ts-expect-error requests
  setup: () => ({ request: (ctx) => void (ctx.state.user = "x"), requests() {} }),
});
