import { definePlugin, type Hooks, t } from "sluice";
import { compileRule, type CompiledRule, Rule } from "./rule.ts";

/** Changes replies: error pages, other status codes, texts in bodies. */
export default definePlugin({
  name: "response-rewrite",
  config: t.Object(
    { rules: t.Array(Rule, { minItems: 1, description: "The first rule whose conditions hold is done." }) },
    { additionalProperties: false },
  ),
  bodyOptions: { decode: true, wholeOnly: true },
  setup({ config }): Hooks {
    const rules = config.rules.map(compileRule);
    // Which one took a reply: its body is still to come when its head is done.
    const chosen = new WeakMap<object, CompiledRule>();
    const hooks: Hooks = {
      response(ctx) {
        // A tunnel has no body and no status to change.
        const rule = ctx.reply.status === 101 ? undefined : rules.find((one) => one.matches(ctx));
        if (rule === undefined) return undefined;
        if (rule.body !== null) chosen.set(ctx, rule);
        return rule.head(ctx);
      },
    };
    // Without it Range requests stay as they are.
    if (rules.some((rule) => rule.body !== null)) hooks.responseBody = (ctx) => chosen.get(ctx)?.body?.(ctx);
    return hooks;
  },
});
