import { promisify } from "node:util";
import { brotliDecompress, gunzip, inflate, zstdDecompress } from "node:zlib";
import type { RequestContext } from "sluice";
import type { Change } from "./changes.ts";
import { parseJson, writeJson } from "./json-text.ts";

type Unpack = (bytes: Uint8Array, options: { maxOutputLength: number }) => Promise<Uint8Array>;

const UNPACK: Readonly<Record<string, Unpack>> = {
  gzip: promisify(gunzip) as Unpack,
  "x-gzip": promisify(gunzip) as Unpack,
  deflate: promisify(inflate) as Unpack,
  br: promisify(brotliDecompress) as Unpack,
  zstd: promisify(zstdDecompress) as Unpack,
};

/** What described the bytes as the client sent them. */
const OF_THE_BYTES = ["Content-Encoding", "Content-MD5", "Digest", "Content-Digest", "Repr-Digest"];

/** Changes the request's JSON. @returns the refusal where it is none */
export async function changeRequest(
  ctx: RequestContext,
  changes: readonly Change[],
  limitBytes: number,
): Promise<Response | undefined> {
  const sent = await ctx.body!.bytes(limitBytes);
  if (sent.byteLength === 0) return undefined;
  const bytes = await unpacked(ctx, sent, limitBytes);
  if (bytes instanceof Response) return bytes;
  const document = parseJson(bytes);
  if (document === null) return ctx.problem("bad_request", { detail: "the body is not valid JSON" });
  let changed = false;
  for (const change of changes) changed = change(document, ctx) || changed;
  if (!changed) return undefined;
  const text = writeJson(document);
  if (text === null) return ctx.problem("bad_request", { detail: "the body's JSON is nested too deep" });
  for (const name of OF_THE_BYTES) ctx.headers.delete(name);
  ctx.body!.replace(text);
  return undefined;
}

async function unpacked(ctx: RequestContext, sent: Uint8Array, limitBytes: number): Promise<Uint8Array | Response> {
  const codings = (ctx.headers.get("content-encoding") ?? "")
    .toLowerCase()
    .split(",")
    .map((coding) => coding.trim())
    .filter((coding) => coding !== "" && coding !== "identity");
  const unknown = codings.length > 2 || codings.some((coding) => !Object.hasOwn(UNPACK, coding));
  if (unknown) {
    const headers = { "Accept-Encoding": "gzip, br, zstd, deflate" };
    return ctx.problem("bad_request", {
      status: 415,
      detail: "the body's Content-Encoding is not supported here",
      headers,
    });
  }
  let bytes = sent;
  try {
    for (const coding of codings.toReversed()) bytes = await UNPACK[coding]!(bytes, { maxOutputLength: limitBytes });
  } catch (error) {
    const tooLarge = (error as { code?: string }).code === "ERR_BUFFER_TOO_LARGE";
    if (tooLarge) return ctx.problem("body_too_large", { detail: `over ${limitBytes} bytes when unpacked` });
    return ctx.problem("bad_request", { detail: "the body is not what its Content-Encoding says" });
  }
  return bytes;
}
