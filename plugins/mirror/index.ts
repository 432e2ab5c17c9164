import { definePlugin, type Static, t } from "sluice";
import { bodyTee, comparer } from "./compare.ts";
import { Copies } from "./copies.ts";
import { seenOf } from "./shadow-request.ts";

const Diff = t.Object(
  {
    headers: t.Array(t.String(), { default: ["content-type"], description: "Reply headers that must agree." }),
    body: t.Union([t.Literal("off"), t.Literal("json"), t.Literal("bytes")], {
      default: "off",
      description: "Compare bodies too: as JSON values where both are JSON, or byte by byte.",
    }),
    ignore: t.Array(t.String(), {
      default: [],
      description: "JSON pointers that may differ: `/updatedAt`, `/items/*/id`.",
    }),
    maxBody: t.Bytes({ default: 65_536, maximum: 8 * 1_048_576, description: "Longer bodies are not compared." }),
    logsPerMinute: t.Integer({ minimum: 0, default: 60, description: "Differences that are logged; all are counted." }),
  },
  { additionalProperties: false, description: "Compares the two replies." },
);

const Config = t.Object({
  upstream: t.Upstream({ description: "The upstream that gets the copies." }),
  percent: t.Number({ minimum: 0, maximum: 100, default: 100, description: "Share of requests that are copied." }),
  methods: t.Array(t.String(), { default: [], description: "Methods that are copied; none: all." }),
  maxBody: t.Bytes({
    default: 65_536,
    maximum: 8 * 1_048_576,
    description: "Requests with a longer body, or one of unknown length, are not copied.",
  }),
  maxInFlight: t.Integer({
    minimum: 1,
    default: 64,
    description: "Copies at a time, a worker; beyond, none are made.",
  }),
  timeout: t.Duration({ minimum: 1, default: 10_000, description: "Of a copy, its reply included." }),
  stripCredentials: t.Boolean({
    default: true,
    description: "Copies go without Authorization, Proxy-Authorization, Cookie and X-API-Key.",
  }),
  removeHeaders: t.Array(t.String(), { default: [], description: "More request headers that copies go without." }),
  preserveHost: t.Boolean({ default: true, description: "Copies keep the Host that the request went upstream with." }),
  diff: t.Optional(Diff),
});

/** Copies requests to another upstream. The client's request never waits for a copy and never fails with it. */
export default definePlugin({
  name: "mirror",
  config: Config,
  onError: "continue",
  setup(setup) {
    const { diff } = setup.config;
    const copies = new Copies(setup);
    const compare = diff === undefined ? null : comparer(diff, setup);
    return {
      request: (ctx) => copies.prepare(ctx),
      // Here, because whoever refuses the request has done so by now, and the head is final.
      send: (ctx) => copies.send(ctx),
      ...(compare !== null && {
        response(ctx) {
          const copy = copies.sentFor(ctx.state);
          if (copy !== null && ctx.reply.source === "upstream") copy.seen = seenOf(ctx.reply, diff!.headers);
        },
        log(ctx) {
          const copy = copies.sentFor(ctx.state);
          const seen = copy?.seen ?? null;
          if (copy === null || seen === null || ctx.reply.code !== undefined) return;
          ctx.waitUntil(copy.shadow.then((shadow) => shadow !== null && compare(seen, shadow, ctx)));
        },
      }),
      // Only where bodies are compared: a reply with a transform loses its Content-Length.
      ...(diff !== undefined &&
        diff.body !== "off" && {
          responseBody(ctx) {
            const seen = copies.sentFor(ctx.state)?.seen ?? null;
            return seen === null ? undefined : bodyTee(seen, diff.maxBody);
          },
        }),
    };
  },
});

export type Config = Static<typeof Config>;
export type Diff = Static<typeof Diff>;
