import { definePlugin, type HeaderMap, type RequestContext, type Static, t } from "sluice";

const Config = t.Object({
  maxBody: t.Optional(t.Bytes({ description: "Bytes of the request's body; more: 413. Default: no limit here." })),
  unknownLength: t.Union([t.Literal("buffer"), t.Literal("refuse")], {
    default: "buffer",
    description:
      "A body that does not say its length (chunked): `buffer` reads it, up to `maxBody`, before anything is forwarded; `refuse` answers 411.",
  }),
  maxHeaders: t.Optional(
    t.Integer({ minimum: 1, description: "Number of header fields; more: 431. Default: no limit here." }),
  ),
  maxHeaderBytes: t.Optional(
    t.Bytes({ description: "Size of all header fields, names and values; more: 431. Default: no limit here." }),
  ),
  maxUri: t.Optional(t.Bytes({ description: "Bytes of path and query; more: 414. Default: no limit here." })),
  maxQuery: t.Optional(
    t.Bytes({ description: "Bytes of the query, without its `?`; more: 414. Default: no limit here." }),
  ),
});

type Settings = Static<typeof Config>;

function checkUri(ctx: RequestContext, { maxUri, maxQuery }: Settings): Response | undefined {
  if (maxUri === undefined && maxQuery === undefined) return undefined;
  const { target } = ctx.original;
  if (maxUri !== undefined && target.length > maxUri)
    return ctx.problem("uri_too_long", { detail: `path and query are longer than ${maxUri} bytes` });
  const question = target.indexOf("?");
  if (maxQuery !== undefined && question >= 0 && target.length - question - 1 > maxQuery)
    return ctx.problem("uri_too_long", { detail: `the query is longer than ${maxQuery} bytes` });
  return undefined;
}

function checkHeaders(ctx: RequestContext, { maxHeaders, maxHeaderBytes }: Settings): Response | undefined {
  if (maxHeaders === undefined && maxHeaderBytes === undefined) return undefined;
  const { headers } = ctx.original;
  if (maxHeaders !== undefined && headers.size > maxHeaders)
    return ctx.problem("header_too_large", { detail: `there are more than ${maxHeaders} header fields` });
  if (maxHeaderBytes !== undefined && bytesOf(headers) > maxHeaderBytes)
    return ctx.problem("header_too_large", { detail: `the header fields are longer than ${maxHeaderBytes} bytes` });
  return undefined;
}

/** As on an HTTP/1.1 connection: `Name: value` and the line's end. */
function bytesOf(headers: HeaderMap): number {
  let bytes = 0;
  headers.forEach((value, name) => (bytes += name.length + value.length + 4));
  return bytes;
}

function checkBody(
  ctx: RequestContext,
  { maxBody, unknownLength }: Settings,
): Response | Promise<undefined> | undefined {
  if (maxBody === undefined || ctx.body === null) return undefined;
  const { length } = ctx.body;
  if (length === null && unknownLength === "refuse")
    return ctx.problem("bad_request", { status: 411, detail: "the request must say its length (Content-Length)" });
  if (length === null) return readWithin(ctx.body, maxBody);
  if (length <= maxBody) return undefined;
  return ctx.problem("body_too_large", { detail: `the body is longer than ${maxBody} bytes` });
}

/** `bytes` throws the 413 at the first byte too many, when nothing has gone upstream; what was read is forwarded from memory. */
async function readWithin(body: NonNullable<RequestContext["body"]>, limit: number): Promise<undefined> {
  await body.bytes(limit);
}

export default definePlugin({
  name: "size-limit",
  config: Config,
  setup({ config }) {
    const { maxBody, maxHeaders, maxHeaderBytes, maxUri, maxQuery } = config;
    if ([maxBody, maxHeaders, maxHeaderBytes, maxUri, maxQuery].every((limit) => limit === undefined))
      throw new Error("no limit is set; give at least one of maxBody, maxHeaders, maxHeaderBytes, maxUri, maxQuery");
    return {
      request(ctx) {
        return checkUri(ctx, config) ?? checkHeaders(ctx, config) ?? checkBody(ctx, config);
      },
    };
  },
});
