import { definePlugin, type RequestContext, type ResponseContext, type Setup } from "sluice";
import { Config } from "./config.ts";
import { replyTee } from "./reply-check.ts";
import { type Found, openApiFinder } from "./openapi.ts";
import { type Operation, ruleFor } from "./operation.ts";
import { Unreadable, valueOf } from "./media-type.ts";
import { schemaOperations } from "./schema-operation.ts";

type Refusal = Response | undefined;

/** Refuses requests that do not look like their JSON Schema or OpenAPI operation says. */
export default definePlugin({
  name: "request-validation",
  config: Config,
  setup(setup) {
    const { config } = setup;
    const find = finder(config);
    const refused = setup.metrics.counter("refused_total", "Requests that were refused, by status.");
    const operations = new WeakMap<object, Operation>();
    const checker = new RequestCheck(config);

    function counted(refusal: Refusal): Refusal {
      if (refusal !== undefined) refused.inc(1, { status: String(refusal.status) });
      return refusal;
    }

    return {
      request(ctx) {
        const found = find(ctx.method, pathOf(ctx));
        if (found.operation === null)
          return config.unknown === "pass" ? undefined : counted(notFound(ctx, found.allow));
        operations.set(ctx.state, found.operation);
        const refusal = checker.check(ctx, found.operation, found.params);
        return refusal instanceof Promise ? refusal.then(counted) : counted(refusal);
      },
      ...(config.responses === "log" && { responseBody: replyChecks(setup, operations) }),
    };
  },
});

function finder(config: Config): (method: string, path: string) => Found {
  const { openapi, body, query, headers, params, responseBody } = config;
  const given = [body, query, headers, params, responseBody].some((schema) => schema !== undefined);
  if (openapi !== undefined && given) throw new Error("schemas or openapi, not both");
  if (openapi !== undefined) return openApiFinder(openapi, config);
  if (!given) throw new Error("nothing to validate with: give body, query, headers or params a schema, or set openapi");
  if (responseBody !== undefined && config.responses === "off") throw new Error("responseBody wants `responses: log`");
  const operationOf = schemaOperations(config);
  return (method) => ({ operation: operationOf(method), params: {} });
}

const pathOf = (ctx: RequestContext<object>) => ctx.path.split("?", 1)[0]!;

function notFound(ctx: RequestContext<object>, allow: readonly string[]): Response {
  if (allow.length === 0) return ctx.problem("no_route", { detail: "The API has no such path." });
  return ctx.problem("plugin:method_not_allowed", {
    status: 405,
    detail: `The API has no ${ctx.method} for this path.`,
    headers: { Allow: allow.join(", ") },
  });
}

class RequestCheck {
  readonly #config: Config;

  constructor(config: Config) {
    this.#config = config;
  }

  /** Waits only where there is a body to read. */
  check(ctx: RequestContext<object>, operation: Operation, params: Readonly<Record<string, string>>) {
    const source = {
      query: ctx.query,
      headers: ctx.headers,
      cookies: ctx.cookies,
      params: { ...ctx.params, ...params },
    };
    const mistakes = operation.fields.flatMap((rule) => rule.validate(rule.read(source)));
    const rule = operation.body;
    if (rule === null) return this.#refuse(ctx, mistakes);
    if (ctx.body === null || ctx.body.length === 0)
      return this.#refuse(ctx, rule.required ? [...mistakes, "body is required"] : mistakes);
    if (ctx.body.length !== null && ctx.body.length > this.#config.maxBody) return ctx.problem("body_too_large");
    return this.#checkBody(ctx, rule, mistakes);
  }

  #checkBody(ctx: RequestContext<object>, rule: NonNullable<Operation["body"]>, mistakes: readonly string[]) {
    const coding = ctx.headers.get("content-encoding");
    // What cannot be read here must not get past the check.
    if (coding !== null && coding.toLowerCase() !== "identity")
      return unsupported(ctx, "The body must not be compressed.", { "Accept-Encoding": "identity" });
    const contentType = ctx.headers.get("content-type") ?? "";
    const validate = ruleFor(rule.content, contentType);
    const accepted = rule.content.map(([type]) => type).join(", ");
    if (validate === undefined) return unsupported(ctx, `The body must be ${accepted}.`, { Accept: accepted });
    if (validate === null) return this.#refuse(ctx, mistakes);
    return ctx.body!.bytes(this.#config.maxBody).then((bytes) => {
      if (bytes.length === 0) return this.#refuse(ctx, rule.required ? [...mistakes, "body is required"] : mistakes);
      try {
        return this.#refuse(ctx, [...mistakes, ...validate(valueOf(bytes, contentType))]);
      } catch (error) {
        if (error instanceof Unreadable) return this.#refuse(ctx, [...mistakes, error.message]);
        throw error;
      }
    });
  }

  #refuse(ctx: RequestContext<object>, mistakes: readonly string[]): Refusal {
    if (mistakes.length === 0) return undefined;
    return ctx.problem("bad_request", { detail: mistakes.slice(0, this.#config.maxErrors).join("; ") });
  }
}

function unsupported(ctx: RequestContext<object>, detail: string, headers: Record<string, string>): Response {
  return ctx.problem("plugin:unsupported_media_type", { status: 415, detail, headers });
}

function replyChecks({ config, metrics }: Setup<Config>, operations: WeakMap<object, Operation>) {
  const invalid = metrics.counter("invalid_replies_total", "Replies of the upstream that break their schema.");
  return (ctx: ResponseContext<object>) => {
    const { reply } = ctx;
    const coded = (reply.headers.get("content-encoding") ?? "identity") !== "identity";
    const content = operations.get(ctx.state)?.responseFor(reply.status) ?? null;
    if (reply.source !== "upstream" || coded || content === null) return undefined;
    const contentType = reply.headers.get("content-type") ?? "";
    const validate = ruleFor(content, contentType);
    if (!validate) return undefined;
    const { log, id: requestId } = ctx;
    const { status } = reply;
    return replyTee(config.maxBody, (bytes) => {
      const mistakes = mistakesOf(bytes, contentType, validate);
      if (mistakes.length === 0) return;
      invalid.inc();
      log.warn("the upstream's reply breaks its schema", { requestId, status, mistakes });
    });
  };
}

function mistakesOf(bytes: Uint8Array, contentType: string, validate: (value: unknown) => string[]): string[] {
  try {
    return validate(valueOf(bytes, contentType));
  } catch (error) {
    if (error instanceof Unreadable) return [error.message];
    throw error;
  }
}
