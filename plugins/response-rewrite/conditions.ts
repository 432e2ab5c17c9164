import { type ResponseContext, type Static, t } from "sluice";

const Source = t.Union([t.Literal("upstream"), t.Literal("plugin"), t.Literal("sluice")]);

export const Conditions = t.Object(
  {
    status: t.Optional(
      t.Array(t.Union([t.Integer({ minimum: 200, maximum: 599 }), t.String()]), {
        minItems: 1,
        description: "`404`, `5xx` or `500-503`.",
      }),
    ),
    contentType: t.Optional(t.Array(t.String(), { minItems: 1, description: "`text/html`, or `text/*`." })),
    source: t.Optional(t.Array(Source, { minItems: 1, description: "Who made the reply." })),
    code: t.Optional(t.Array(t.String(), { minItems: 1, description: "Words for failures, such as `no_route`." })),
    accepts: t.Optional(t.String({ description: "A type that the client must ask for, such as `text/html`." })),
  },
  { additionalProperties: false, description: "All that is said must hold; without any, every reply is meant." },
);

type Test = (ctx: ResponseContext) => boolean;

/** All but `accepts`, which is asked last. @throws Error for what cannot be read */
export function compileConditions(config: Static<typeof Conditions>): Test {
  const tests: Test[] = [];
  const { status, contentType, source, code } = config;
  if (status !== undefined) {
    const ranges = status.map(statusRange);
    tests.push(({ reply }) => ranges.some(([low, high]) => reply.status >= low && reply.status <= high));
  }
  if (contentType !== undefined) {
    const types = contentType.map(typeTest);
    tests.push(({ reply }) => types.some((fits) => fits(mediaType(reply.headers.get("content-type")))));
  }
  if (source !== undefined) tests.push(({ reply }) => source.includes(reply.source));
  if (code !== undefined) tests.push(({ reply }) => reply.code !== undefined && code.includes(reply.code));
  return (ctx) => tests.every((test) => test(ctx));
}

function statusRange(text: string | number): readonly [low: number, high: number] {
  const found = /^(?:([2-5])xx|([2-5]\d\d)(?:-([2-5]\d\d))?)$/.exec(String(text));
  if (found === null) throw new Error(`status: ${JSON.stringify(text)} is none; write 404, 5xx or 500-503`);
  const [, hundred, low, high = low] = found;
  if (hundred !== undefined) return [Number(hundred) * 100, Number(hundred) * 100 + 99];
  if (Number(high) < Number(low)) throw new Error(`status: ${text} goes backwards`);
  return [Number(low), Number(high)];
}

/** Lower case, without parameters; "" where there is none. */
export function mediaType(contentType: string | null): string {
  return (contentType ?? "").split(";", 1)[0]!.trim().toLowerCase();
}

export function typeTest(pattern: string): (type: string) => boolean {
  const lower = pattern.toLowerCase();
  if (!/^[a-z0-9!#$&^_.+-]+\/(?:\*|[a-z0-9!#$&^_.+-]+)$/.test(lower))
    throw new Error(`${JSON.stringify(pattern)} is no media type; write text/html or text/*`);
  if (!lower.endsWith("/*")) return (type) => type === lower;
  const family = lower.slice(0, -1);
  return (type) => type.startsWith(family);
}

/**
 * Does the client want `type`? It must be named, not only covered by a wildcard: `curl` and `fetch` send one and want no page. Caches
 * are told that the reply depends on it.
 */
export function negotiates({ headers, reply }: ResponseContext, type: string): boolean {
  const vary = reply.headers.get("vary") ?? "";
  if (!/(?:^|[\s,])(?:accept|\*)(?:$|[\s,])/i.test(vary))
    reply.headers.set("Vary", vary === "" ? "Accept" : `${vary}, Accept`);
  const wanted = type.toLowerCase();
  return (headers.get("accept") ?? "")
    .split(",")
    .some((range) => mediaType(range) === wanted && !/;\s*q=0(?:\.0*)?\s*(?:;|$)/i.test(range));
}
