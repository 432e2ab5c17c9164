import { definePlugin, type HeaderMap, type Hooks, t } from "sluice";
import { compileEdits, type Edit, Edits } from "./edits.ts";
import type { TemplateSource } from "./template.ts";

/** Sluice writes these itself when it forwards: what is to become of them is decided after that, for each attempt. */
const OWN = /^(?:x-forwarded-.*|x-auth-.*|x-real-ip|forwarded|x-request-id|via|traceparent|tracestate)$/;
const isOwn = (lower: string): boolean => OWN.test(lower);
const isOthers = (lower: string): boolean => !OWN.test(lower);
const isAny = (): boolean => true;

const couldBeOwn = (name: string): boolean => (name.endsWith("*") ? ownBegins(name.slice(0, -1)) : isOwn(name));

function ownBegins(prefix: string): boolean {
  const names = [
    "x-forwarded-",
    "x-auth-",
    "x-real-ip",
    "forwarded",
    "x-request-id",
    "via",
    "traceparent",
    "tracestate",
  ];
  return names.some((name) => name.startsWith(prefix) || prefix.startsWith(name));
}

/** Adds, sets, renames, removes and rewrites headers, both ways. */
export default definePlugin({
  name: "headers",
  config: t.Object(
    {
      request: t.Optional({ ...Edits, description: "What goes to the upstream." }),
      response: t.Optional({ ...Edits, description: "What goes to the client, whoever answered." }),
    },
    { additionalProperties: false },
  ),
  setup({ config }): Hooks {
    const up = compileEdits(config.request ?? {}, "request");
    const down = compileEdits(config.response ?? {}, "response");
    if (up.length + down.length === 0) throw new Error("nothing to do: say what to change in `request` or `response`");
    const late = up.filter((edit) => edit.touches.some(couldBeOwn));
    const early = up.filter((edit) => edit.touches.every((name) => name.endsWith("*") || !isOwn(name)));
    const hooks: Hooks = {};
    if (early.length > 0) hooks.request = (ctx) => run(early, ctx.headers, { ctx, touchable: isOthers });
    if (late.length > 0) hooks.send = (ctx) => run(late, ctx.outgoing.headers, { ctx, touchable: isOwn });
    if (down.length > 0) hooks.response = (ctx) => run(down, ctx.reply.headers, { ctx, touchable: isAny });
    return hooks;
  },
});

function run(
  edits: readonly Edit[],
  headers: HeaderMap,
  on: { ctx: TemplateSource; touchable: (lower: string) => boolean },
): void {
  for (const edit of edits) edit.apply(headers, on.ctx, on.touchable);
}
