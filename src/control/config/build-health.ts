import type {
  ActiveCheckSpec,
  HealthSpec,
  HttpCheckSpec,
  PassiveHealthSpec,
  StatusRangeSpec,
  UpstreamSpec,
} from "../../model/snapshot-spec.ts";
import { isToken } from "../../model/header-map.ts";
import { parseStatusRange } from "../health/status-ranges.ts";
import { readable, type BuildContext } from "./build-context.ts";
import { buildFields } from "./build-fields.ts";
import { DEFAULTS } from "./defaults.ts";
import type { ConfigPath } from "./diagnostics.ts";
import type { ActiveConfig, HealthConfig, PassiveConfig } from "./schema-health.ts";

type Protocol = UpstreamSpec["protocol"];

/** What of the upstream decides what is normal for its endpoints. */
interface HealthTraits {
  readonly protocol: Protocol;
  /** Each endpoint gets the same kind of requests, so that their times can be compared. */
  readonly spreadsEvenly: boolean;
}

export function buildHealth(
  config: HealthConfig | undefined,
  path: ConfigPath,
  context: BuildContext,
  { protocol, spreadsEvenly }: HealthTraits,
): HealthSpec {
  const { active, passive, slowStart, panicBelow = DEFAULTS.upstream.panicBelow } = config ?? {};
  return {
    active: active === undefined ? null : buildActive(active, [...path, "active"], context, protocol),
    passive: passive === false ? null : buildPassive(passive, [...path, "passive"], context, spreadsEvenly),
    slowStart: buildSlowStart(slowStart),
    panicBelow: panicBelow === false || panicBelow === 0 ? null : panicBelow,
  };
}

function buildActive(
  config: ActiveConfig,
  path: ConfigPath,
  context: BuildContext,
  protocol: Protocol,
): ActiveCheckSpec {
  const { check } = DEFAULTS;
  const intervalMs = config.interval ?? check.intervalMs;
  const timeoutMs = config.timeout ?? Math.min(check.timeoutMs, intervalMs);
  if (timeoutMs > intervalMs) {
    context.error([...path, "timeout"], "a check may not take longer than the interval", `at most ${intervalMs}ms`);
  }
  const times = {
    intervalMs,
    timeoutMs,
    healthyAfter: config.healthyAfter ?? check.healthyAfter,
    unhealthyAfter: config.unhealthyAfter ?? check.unhealthyAfter,
    port: config.port ?? null,
  };
  if (config.type !== "tcp") return { kind: "http", ...times, ...questionOf(config, path, context) };
  refuseForTcp(path, context, protocol);
  return { kind: "tcp", ...times };
}

const HTTP_ONLY = ["path", "method", "headers", "host", "expect", "body"] as const;

function refuseForTcp(path: ConfigPath, context: BuildContext, protocol: Protocol): void {
  for (const key of HTTP_ONLY) {
    if (context.has([...path, key]))
      context.error([...path, key], "means nothing to a tcp check", "remove it, or use type: http");
  }
  if (protocol === "http3")
    context.error([...path, "type"], "http3 endpoints listen on UDP: a tcp check says nothing of them", "type: http");
}

type Question = Pick<HttpCheckSpec, "path" | "method" | "host" | "headers" | "expect" | "body">;

function questionOf(config: ActiveConfig, path: ConfigPath, context: BuildContext): Question {
  const { check } = DEFAULTS;
  const method = (config.method ?? check.method).toUpperCase();
  if (!isToken(method) || method === "CONNECT")
    context.error([...path, "method"], `${JSON.stringify(config.method)} is no method a check can use`, "GET or HEAD");
  if (method === "HEAD" && context.has([...path, "body"]))
    context.error([...path, "body"], "a reply to HEAD has no body", "use method: GET");
  const target = config.path ?? check.path;
  const problem = targetProblem(target);
  if (problem !== null) context.error([...path, "path"], `${problem}, got ${JSON.stringify(target)}`);
  if (config.host !== undefined && !AUTHORITY.test(config.host))
    context.error([...path, "host"], `expected a host, with a port or without, got ${JSON.stringify(config.host)}`);
  const headers = buildFields(config.headers, [...path, "headers"], context);
  for (const [name] of headers.filter(([field]) => field.toLowerCase() === "host"))
    context.error([...path, "headers", name], "the Host of a check has a field of its own", "use host:");
  const { host = null } = config;
  return { path: target, method, host, headers, ...answerOf(config, path, context) };
}

const AUTHORITY = /^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?$/;

function targetProblem(target: string): string | null {
  if (!target.startsWith("/")) return 'the path of a check starts with "/"';
  if (target.includes("#")) return "the path of a check has no fragment";
  if (!/^[\x21-\x7e]+$/.test(target)) return "the path of a check is plain ASCII without spaces";
  return null;
}

function answerOf(config: ActiveConfig, path: ConfigPath, context: BuildContext): Pick<Question, "expect" | "body"> {
  if (config.expect?.length === 0)
    context.error([...path, "expect"], "is an empty list: no answer would do", "remove it");
  const expect: StatusRangeSpec[] = [];
  const given = config.expect ?? [...DEFAULTS.checkExpects];
  for (const { item, index } of readable(given)) {
    const range = parseStatusRange(item);
    const at = context.isList([...path, "expect"]) ? [...path, "expect", index] : [...path, "expect"];
    if (typeof range === "string") context.error(at, range);
    else expect.push([range[0], range[1]]);
  }
  return { expect, body: bodyOf(config.body, [...path, "body"], context) };
}

function bodyOf(body: ActiveConfig["body"], path: ConfigPath, context: BuildContext): HttpCheckSpec["body"] {
  if (body === undefined) return null;
  const { contains, regex } = body;
  const given = ["contains", "regex"].filter((key) => context.has([...path, key]));
  if (given.length !== 1) context.error(path, "a body is looked at in one way", "give either contains or regex");
  if (contains === "") context.error([...path, "contains"], "every body contains nothing", "remove it");
  return contains === undefined ? (regex === undefined ? null : { regex }) : { contains };
}

/** On even where nothing is written: an endpoint that fails everything it is sent should not go on getting its share. */
function buildPassive(
  config: PassiveConfig | true | undefined,
  path: ConfigPath,
  context: BuildContext,
  spreadsEvenly: boolean,
): PassiveHealthSpec | null {
  const given: PassiveConfig = config === undefined || config === true ? {} : config;
  const { passive } = DEFAULTS;
  const ejectMs = given.ejectFor ?? passive.ejectMs;
  const maxEjectMs = given.maxEjectFor ?? Math.max(passive.maxEjectMs, ejectMs);
  if (ejectMs > maxEjectMs) context.error([...path, "maxEjectFor"], "is shorter than ejectFor");
  for (const key of ["consecutive5xx", "consecutiveGatewayErrors"] as const) {
    if (given.consecutiveFailures !== undefined && given[key] !== undefined)
      context.error([...path, key], "consecutiveFailures says this already", "give either");
  }
  if (ejectMs === 0) return null;
  return {
    consecutive5xx: orNull(given.consecutiveFailures ?? given.consecutive5xx, passive.consecutive5xx),
    consecutiveGatewayErrors: orNull(
      given.consecutiveFailures ?? given.consecutiveGatewayErrors,
      passive.consecutiveGatewayErrors,
    ),
    failureRatio: given.failureRatio ?? null,
    minimumRequests: given.minimumRequests ?? passive.minimumRequests,
    intervalMs: given.interval ?? passive.intervalMs,
    slow: buildSlow(given.slow ?? spreadsEvenly),
    ejectMs,
    maxEjectMs,
    maxEjected: given.maxEjected ?? passive.maxEjected,
  };
}

function orNull(given: number | false | undefined, fallback: number): number | null {
  return given === false ? null : (given ?? fallback);
}

function buildSlow(slow: NonNullable<PassiveConfig["slow"]>): PassiveHealthSpec["slow"] {
  if (slow === false) return null;
  if (slow === true) return { ...DEFAULTS.slow };
  const { factor, atLeastMs, minimumRequests } = DEFAULTS.slow;
  return {
    factor: slow.factor ?? factor,
    atLeastMs: slow.atLeast ?? atLeastMs,
    minimumRequests: slow.minimumRequests ?? minimumRequests,
  };
}

function buildSlowStart(slowStart: HealthConfig["slowStart"]): HealthSpec["slowStart"] {
  if (slowStart === undefined) return null;
  if (typeof slowStart === "number") return { ...DEFAULTS.slowStart, windowMs: slowStart };
  const { windowMs, from, aggression } = DEFAULTS.slowStart;
  return {
    windowMs: slowStart.window ?? windowMs,
    from: slowStart.from ?? from,
    aggression: slowStart.aggression ?? aggression,
  };
}
