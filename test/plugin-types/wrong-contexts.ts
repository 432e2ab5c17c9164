/** What a phase does not have, and what it must not write. */
import { definePlugin, t } from "sluice";

export const missing = definePlugin({
  name: "missing",
  config: t.Object({}),
  setup: () => ({
    route(ctx) {
      // @ts-expect-error no body before matching
      void ctx.body;
      // @ts-expect-error no route is matched
      void ctx.route;
      // @ts-expect-error nor its parameters
      void ctx.params;
      // @ts-expect-error nor an upstream
      void ctx.upstream;
    },
    request(ctx) {
      // @ts-expect-error there may be no body
      void ctx.body.text();
      // @ts-expect-error no reply yet
      void ctx.reply;
      // @ts-expect-error no endpoint yet
      void ctx.endpoint;
    },
    upstream(ctx) {
      // @ts-expect-error the body is on its way
      void ctx.body;
      // @ts-expect-error nothing is picked
      void ctx.outgoing;
    },
    send(ctx) {
      // @ts-expect-error the body is on its way
      void ctx.body;
    },
    response(ctx) {
      // @ts-expect-error the body was the request's
      void ctx.body;
      // @ts-expect-error of the error phase
      void ctx.error;
    },
    error(ctx) {
      // @ts-expect-error nothing was answered
      void ctx.reply;
      // @ts-expect-error no body here
      void ctx.body;
    },
    log(ctx) {
      // @ts-expect-error it is over
      void ctx.body;
    },
    responseBody(ctx) {
      // @ts-expect-error the body is what the transform gets
      void ctx.body;
      return undefined;
    },
  }),
});

export const readOnly = definePlugin({
  name: "read-only",
  config: t.Object({}),
  setup: () => ({
    route(ctx) {
      // @ts-expect-error write path
      ctx.target = "/";
      // @ts-expect-error who it is, is known
      ctx.clientIp = "127.0.0.1";
      // @ts-expect-error what came, came
      ctx.original.method = "GET";
    },
    request(ctx) {
      // @ts-expect-error the route is matched
      ctx.route.name = "other";
      // @ts-expect-error set its fields
      ctx.headers = new Headers();
      // @ts-expect-error labels are the operator's
      ctx.route.labels.team = "x";
    },
    upstream(ctx) {
      // @ts-expect-error too late
      ctx.path = "/";
      // @ts-expect-error counted by Sluice
      ctx.attempt = 1;
    },
    send(ctx) {
      // @ts-expect-error write outgoing.target
      ctx.path = "/";
      // @ts-expect-error picked already
      ctx.upstream = "other";
      // @ts-expect-error picked already
      ctx.endpoint = "http://127.0.0.1";
    },
    response(ctx) {
      // @ts-expect-error the request is over
      ctx.method = "GET";
      // @ts-expect-error it is what it is
      ctx.reply.source = "plugin";
    },
    log(ctx) {
      // @ts-expect-error it was sent
      ctx.reply.status = 200;
    },
  }),
});
