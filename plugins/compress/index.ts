import { definePlugin, type HeaderMap, type ResponseContext, type Static, t } from "sluice";
import { type Coding, CODINGS, negotiate } from "./accept-encoding.ts";
import { Compressor } from "./compressor.ts";

const strict = { additionalProperties: false };

const Config = t.Object(
  {
    codings: t.Array(t.Union([t.Literal("zstd"), t.Literal("br"), t.Literal("gzip")]), {
      default: [...CODINGS],
      minItems: 1,
      description: "What is offered; the first of those that the client likes best is taken.",
    }),
    types: t.Array(t.String(), {
      default: [
        "text/*",
        "application/json",
        "application/*+json",
        "application/javascript",
        "application/xml",
        "application/*+xml",
        "application/wasm",
        "image/svg+xml",
        "font/ttf",
        "font/otf",
      ],
      description: "Content types worth it; a `*` stands for anything.",
    }),
    minSize: t.Bytes({ default: 1024, description: "Shorter bodies go as they are, where their length is known." }),
    levels: t.Object(
      {
        gzip: t.Integer({ minimum: 1, maximum: 9, default: 6, description: "1 to 9." }),
        br: t.Integer({
          minimum: 0,
          maximum: 11,
          default: 4,
          description: "0 to 11; above 5 is for files that are made once.",
        }),
        zstd: t.Integer({ minimum: 1, maximum: 19, default: 3, description: "1 to 19." }),
      },
      { ...strict, default: { gzip: 6, br: 4, zstd: 3 }, description: "More is smaller and slower." },
    ),
    flush: t.Boolean({ default: false, description: "Each chunk goes out at once: for pages that come bit by bit." }),
    eventStreams: t.Boolean({
      default: false,
      description: "Also text/event-stream, each event at once.",
    }),
    maxConcurrent: t.Integer({
      minimum: 1,
      default: 512,
      description: "Replies compressed at the same time by a worker; what comes beyond goes as it is.",
    }),
  },
  strict,
);
type Config = Static<typeof Config>;

const EVENTS = "text/event-stream";

/** Compresses replies with the coding that the client likes best. */
export default definePlugin({
  name: "compress",
  config: Config,
  setup({ config, metrics }) {
    const isCompressible = typeTest(config);
    const running = new WeakMap<object, Compressor>();
    const skipped = metrics.counter("skipped_total", "Replies not compressed because maxConcurrent were.");
    let concurrent = 0;
    return {
      response({ reply }) {
        // Also where this client gets the bytes as they are: another one, behind the same cache, might not.
        if (mayBeCompressed(reply, isCompressible)) addVary(reply.headers);
      },
      responseBody(ctx) {
        const { headers } = ctx.reply;
        if (!mayBeCompressed(ctx.reply, isCompressible)) return undefined;
        // What came: upstreams are often asked for plain bytes.
        const asked = ctx.original.headers;
        const accepted = negotiate(asked.get("accept-encoding"), config.codings);
        if (accepted.coding === null || !isWanted(asked)) return undefined;
        if (!accepted.mustEncode && isShort(headers, config.minSize)) return undefined;
        if (concurrent >= config.maxConcurrent) return void skipped.inc();
        concurrent++;
        const flushEach = config.flush || mediaType(headers) === EVENTS;
        const compressor = new Compressor(accepted.coding, config.levels, flushEach);
        running.set(ctx, compressor);
        describe(headers, accepted.coding);
        return compressor;
      },
      // The one place that every reply comes to, those that were cut off too.
      log(ctx) {
        const compressor = running.get(ctx);
        if (compressor === undefined) return;
        running.delete(ctx);
        compressor.close();
        concurrent--;
      },
    };
  },
});

/** By its head, whatever this client takes. */
function mayBeCompressed(
  { status, headers }: ResponseContext["reply"],
  isCompressible: (type: string) => boolean,
): boolean {
  if (status < 200 || status === 204 || status === 206) return false;
  // RFC 9110 §15.4.5: a 304 says what varies as its 200 would, and mostly without naming a type.
  const type = mediaType(headers);
  if (status === 304 ? type !== "" && !isCompressible(type) : !isCompressible(type)) return false;
  if (headers.has("content-range") || forbidsChange(headers)) return false;
  return /^(?:\s*identity\s*)?$/i.test(headers.get("content-encoding") ?? "");
}

/** Who asks for a part wants the bytes as they are, and goes on with them later. */
function isWanted(asked: HeaderMap): boolean {
  return !asked.has("range") && !forbidsChange(asked);
}

function isShort(headers: HeaderMap, minSize: number): boolean {
  const length = headers.get("content-length");
  return length !== null && Number(length) < minSize;
}

/** `Cache-Control: no-transform` (RFC 9111 §5.2). */
function forbidsChange(headers: HeaderMap): boolean {
  return /(?:^|[\s,])no-transform(?:$|[\s,;])/i.test(headers.get("cache-control") ?? "");
}

function describe(headers: HeaderMap, coding: Coding): void {
  headers.set("Content-Encoding", coding);
  // Parts could only be parts of something that is stored nowhere.
  headers.delete("Accept-Ranges");
}

function addVary(headers: HeaderMap): void {
  const vary = headers.get("vary");
  if (vary === null || vary.trim() === "") return headers.set("Vary", "Accept-Encoding");
  const names = new Set(vary.toLowerCase().split(/\s*,\s*/));
  if (!names.has("*") && !names.has("accept-encoding")) headers.set("Vary", `${vary}, Accept-Encoding`);
}

/** Lower case, without parameters; "" where there is none. */
function mediaType(headers: HeaderMap): string {
  return (headers.get("content-type") ?? "").split(";", 1)[0]!.trim().toLowerCase();
}

/** @throws Error for what is no type */
function typeTest({ types, eventStreams }: Config): (type: string) => boolean {
  const patterns = types.map((text) => {
    if (!/^[\w!#$&^.+*-]+\/[\w!#$&^.+*-]+$/.test(text))
      throw new Error(`types: ${JSON.stringify(text)} is no media type; write application/json or text/*`);
    const source = text.toLowerCase().split("*").map(RegExp.escape).join("[^/]*");
    return new RegExp(`^${source}$`);
  });
  // A handful of types come again and again.
  const known = new Map<string, boolean>();
  return (type) => {
    if (type === EVENTS) return eventStreams;
    let fits = known.get(type);
    if (fits === undefined) {
      fits = patterns.some((pattern) => pattern.test(type));
      if (known.size < 200) known.set(type, fits);
    }
    return fits;
  };
}
