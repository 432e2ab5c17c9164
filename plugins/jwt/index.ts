import { errors, type JWTPayload, type JWTVerifyOptions, jwtVerify } from "jose";
import { type Code, definePlugin, type RequestContext } from "sluice";
import { checkHeaderNames, claimAt, hasValue, headerValueOf, wordsOf } from "./claims.ts";
import { algorithmsOf, Config, type Settings } from "./config.ts";
import { type KeySource, keySourceOf, KeysUnavailable } from "./key-source.ts";

/** Why a token is not good enough, in the words of RFC 6750 §3.1. */
class Refusal extends Error {
  constructor(
    readonly error: "invalid_request" | "invalid_token" | "insufficient_scope",
    message: string,
  ) {
    super(message);
  }
}

const ANSWERS: Readonly<Record<Refusal["error"], Code>> = {
  invalid_request: "bad_request",
  invalid_token: "unauthorized",
  insufficient_scope: "forbidden",
};

/** The request's token, null without one. @throws Refusal when it shows several */
function tokenOf(ctx: RequestContext, { header, cookie, query }: Settings): string | null {
  const tokens = new Set<string>();
  const bearerOnly = header.toLowerCase() === "authorization";
  for (const value of ctx.headers.getAll(header)) {
    const bearer = /^bearer +(.*)$/i.exec(value)?.[1];
    if (bearer !== undefined || !bearerOnly) tokens.add((bearer ?? value).trim());
  }
  const fromCookie = cookie === undefined ? null : ctx.cookies.get(cookie);
  if (fromCookie !== null) tokens.add(fromCookie);
  if (query !== undefined && ctx.path.includes("?")) for (const value of ctx.query.getAll(query)) tokens.add(value);
  if (tokens.size > 1) throw new Refusal("invalid_request", "the request carries different tokens");
  const [token] = tokens;
  return token ?? null;
}

type Verify = (token: string) => Promise<JWTPayload>;

function verifierOf(config: Settings, keysFor: KeySource): Verify {
  const options: JWTVerifyOptions = {
    algorithms: algorithmsOf(config),
    clockTolerance: config.clockSkew / 1000,
    requiredClaims: config.requiredClaims,
    ...(config.issuer === undefined ? {} : { issuer: config.issuer }),
    ...(config.audience === undefined ? {} : { audience: config.audience }),
    ...(config.typ === undefined ? {} : { typ: config.typ }),
    ...(config.maxAge === undefined ? {} : { maxTokenAge: config.maxAge / 1000 }),
  };
  return async (token) => {
    let others: Awaited<ReturnType<KeySource>> = [];
    try {
      const { payload } = await jwtVerify(
        token,
        async (header, jws) => {
          const [first, ...rest] = await keysFor(header, jws);
          others = rest;
          return first as CryptoKey;
        },
        options,
      );
      return payload;
    } catch (error) {
      if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw error;
      for (const key of others) {
        const result = await jwtVerify(token, key as CryptoKey, options).catch((reason: unknown) => {
          if (reason instanceof errors.JWSSignatureVerificationFailed) return null;
          throw reason;
        });
        if (result !== null) return result.payload;
      }
      throw error;
    }
  };
}

/** What the client may know of what jose said: never more than the token says itself. */
function asRefusal(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  if (error instanceof errors.JWTExpired) return new Refusal("invalid_token", "the token has expired");
  if (error instanceof errors.JWTClaimValidationFailed)
    return new Refusal(
      "invalid_token",
      `claim ${error.claim} is ${error.reason === "missing" ? "missing" : "not accepted"}`,
    );
  if (error instanceof errors.JWKSNoMatchingKey)
    return new Refusal("invalid_token", "the token was signed with an unknown key");
  if (error instanceof errors.JOSEAlgNotAllowed)
    return new Refusal("invalid_token", "the token's algorithm is not accepted");
  if (error instanceof errors.JWSSignatureVerificationFailed)
    return new Refusal("invalid_token", "the signature is wrong");
  return new Refusal("invalid_token", "the token cannot be read");
}

/** Hands on what the token says. @throws Refusal when that is not enough */
function accept(ctx: RequestContext, claims: JWTPayload, config: Settings): void {
  const id = claimAt(claims, config.idClaim);
  if ((typeof id !== "string" && typeof id !== "number") || id === "")
    throw new Refusal("invalid_token", `claim ${config.idClaim} is missing`);
  const scopes = wordsOf(claimAt(claims, config.scopeClaim));
  if (!config.scopes.every((scope) => scopes.includes(scope)))
    throw new Refusal("insufficient_scope", `needs the scopes: ${config.scopes.join(" ")}`);
  for (const [path, expected] of Object.entries(config.claims))
    if (!hasValue(claimAt(claims, path), expected))
      throw new Refusal("insufficient_scope", `claim ${path} is not accepted`);
  ctx.identity = { id: String(id), by: "jwt", scopes, claims };
  for (const [name, path] of Object.entries(config.headers)) {
    const value = headerValueOf(claimAt(claims, path));
    if (value !== null) ctx.headers.set(name, value);
  }
  if (config.hideCredentials) hide(ctx, config);
}

function hide(ctx: RequestContext, { header, query }: Settings): void {
  ctx.headers.delete(header);
  const at = ctx.path.indexOf("?");
  if (query === undefined || at < 0) return;
  const pairs = ctx.path.slice(at + 1).split("&");
  const kept = pairs.filter((pair) => !new URLSearchParams(`?${pair}`).has(query));
  if (kept.length !== pairs.length) ctx.path = ctx.path.slice(0, at) + (kept.length === 0 ? "" : `?${kept.join("&")}`);
}

function challengeOf(realm: string, refusal: Refusal | null): string {
  if (refusal === null) return `Bearer realm="${realm}"`;
  const said = refusal.message.replace(/[^\x20-\x7e]|["\\]/g, "?");
  return `Bearer realm="${realm}", error="${refusal.error}", error_description="${said}"`;
}

/** The reply to a request whose token is not good enough, or cannot be checked. */
function answerTo(ctx: RequestContext, error: unknown, realm: string): { reason: string; response: Response } {
  if (error instanceof KeysUnavailable) {
    const options = { status: 503, detail: "tokens cannot be checked at the moment", headers: { "Retry-After": "2" } };
    return { reason: "jwks_unavailable", response: ctx.problem("plugin:jwks_unavailable", options) };
  }
  const refusal = asRefusal(error);
  // Such as a key in the set that is broken: the token's owner cannot mend that.
  if (!(error instanceof Refusal || error instanceof errors.JOSEError))
    ctx.log.warn("a token could not be checked", { reason: String(error) });
  const headers = { "WWW-Authenticate": challengeOf(realm, refusal) };
  return { reason: refusal.error, response: ctx.problem(ANSWERS[refusal.error], { detail: refusal.message, headers }) };
}

export default definePlugin({
  name: "jwt",
  config: Config,
  limits: { timeoutMs: 25_000 },
  setup(services) {
    const { config, metrics } = services;
    checkHeaderNames(Object.keys(config.headers));
    algorithmsOf(config);
    const verify = verifierOf(config, keySourceOf(services));
    const refused = metrics.counter("refused_total", "Requests that were not let in.");
    const claimed = Object.keys(config.headers);

    const refuse = (ctx: RequestContext, error: unknown): Response => {
      const { reason, response } = answerTo(ctx, error, config.realm);
      refused.inc(1, { reason });
      return response;
    };

    const check = async (ctx: RequestContext, token: string): Promise<Response | undefined> => {
      try {
        accept(ctx, await verify(token), config);
        return undefined;
      } catch (error) {
        return refuse(ctx, error);
      }
    };

    return {
      request(ctx) {
        for (const name of claimed) ctx.headers.delete(name);
        try {
          const token = tokenOf(ctx, config);
          if (token !== null && token.length <= config.maxTokenBytes) return check(ctx, token);
          if (token !== null) throw new Refusal("invalid_token", "the token is too long");
        } catch (error) {
          return refuse(ctx, error);
        }
        if (config.optional) return;
        refused.inc(1, { reason: "missing" });
        const headers = { "WWW-Authenticate": challengeOf(config.realm, null) };
        return ctx.problem("unauthorized", { detail: "a token is needed", headers });
      },
    };
  },
});
