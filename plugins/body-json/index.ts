import { type ChunkTransform, definePlugin, type Hooks, type HeaderMap, type ResponseContext, t } from "sluice";
import { type Change, changeFields, compileChanges } from "./changes.ts";
import { parseJson, writeJson } from "./json-text.ts";
import { changeRequest } from "./request-json.ts";

const strict = { additionalProperties: false };
const orFail = (description: string) =>
  t.Union([t.Literal("pass"), t.Literal("fail")], { default: "pass", description });

const Config = t.Object(
  {
    request: t.Optional(t.Object(changeFields, { ...strict, description: "What goes to the upstream." })),
    response: t.Optional(
      t.Object(
        {
          ...changeFields,
          errors: t.Boolean({ default: false, description: "Also of replies whose status is not 2xx." }),
          onInvalid: orFail("What is no JSON although it says so: goes on as it came, or is cut off."),
          onTooLarge: orFail("What is longer than `limit`: goes on as it came, or is refused."),
        },
        { ...strict, description: "What goes to the client." },
      ),
    ),
    limit: t.Bytes({ default: 1024 * 1024, description: "The longest body that is held in memory, unpacked." }),
  },
  strict,
);

const JSON_TYPE = /^application\/(?:[\w.!#$&^-]+\+)?json\s*(?:;|$)/i;

interface ResponseRules {
  readonly changes: readonly Change[];
  readonly errors: boolean;
  readonly onInvalid: "pass" | "fail";
  readonly onTooLarge: "pass" | "fail";
  readonly limit: number;
}

/** Changes fields of JSON bodies, both ways. */
export default definePlugin({
  name: "body-json",
  config: Config,
  bodyOptions: { decode: true, wholeOnly: true },
  setup({ config }): Hooks {
    const { response, limit } = config;
    const up = compileChanges(config.request ?? {});
    const changes = compileChanges(response ?? {});
    if (up.length + changes.length === 0)
      throw new Error("nothing to do: say what to change in `request` or `response`");
    const hooks: Hooks = {};
    if (up.length > 0)
      hooks.request = (ctx) => {
        if (ctx.body !== null && isJson(ctx.headers)) return changeRequest(ctx, up, limit);
      };
    if (response !== undefined && changes.length > 0) {
      const rules: ResponseRules = { ...response, changes, limit };
      hooks.responseBody = (ctx) => (concerns(ctx, rules) ? changingResponse(ctx, rules) : undefined);
    }
    return hooks;
  },
});

function isJson(headers: HeaderMap): boolean {
  return JSON_TYPE.test(headers.get("content-type") ?? "");
}

function concerns({ reply }: ResponseContext, { errors }: ResponseRules): boolean {
  // What Sluice says of a failure has the shape that it has everywhere.
  if (reply.source === "sluice" || !isJson(reply.headers)) return false;
  return errors || (reply.status >= 200 && reply.status <= 299);
}

/** Holds the body until it is whole. A throw here cuts the reply off, because its head is on its way. */
function changingResponse(ctx: ResponseContext, rules: ResponseRules): ChunkTransform | undefined {
  const { limit, onTooLarge } = rules;
  if (Number(ctx.reply.headers.get("content-length") ?? 0) > limit) {
    // Before the head is sent there is still a 502 to answer with.
    if (onTooLarge === "fail") throw tooLarge(limit);
    return undefined;
  }
  let held: Uint8Array[] = [];
  let length = 0;
  return {
    chunk(bytes, push) {
      length += bytes.byteLength;
      if (length <= limit) return void held.push(bytes);
      if (onTooLarge === "fail") throw tooLarge(limit);
      for (const one of held) push(one);
      held = [];
      push(bytes);
    },
    end(push) {
      if (length > limit || length === 0) return;
      push(changed(Buffer.concat(held), ctx, rules));
    },
  };
}

function changed(bytes: Uint8Array, ctx: ResponseContext, { changes, onInvalid }: ResponseRules): Uint8Array {
  const document = parseJson(bytes);
  if (document !== null) {
    let any = false;
    for (const change of changes) any = change(document, ctx) || any;
    if (!any) return bytes;
    const text = writeJson(document);
    if (text !== null) return Buffer.from(text);
  }
  if (onInvalid === "fail") throw new Error("the reply says it is JSON and is not");
  return bytes;
}

function tooLarge(limit: number): Error {
  return new Error(`the reply is longer than ${limit} bytes; raise limit, or set onTooLarge: pass`);
}
