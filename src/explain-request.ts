import { Exchange } from "./model/exchange.ts";
import { HeaderMap } from "./model/header-map.ts";
import type { PluginUseSpec, RouteSpec, SnapshotSpec, UpstreamSpec } from "./model/snapshot-spec.ts";
import { plainAddress } from "./proxy/client-address.ts";
import { hostOf } from "./proxy/http1/authority.ts";
import { explainRoutes, type RouteVerdict } from "./proxy/routing/explain.ts";
import { rewriteTarget } from "./proxy/routing/rewrite.ts";
import { endpointId } from "./proxy/upstream/endpoint.ts";

export interface Question {
  readonly method: string;
  readonly url: string;
  readonly headers: ReadonlyArray<readonly [string, string]>;
  readonly clientIp: string;
  /** null: the first that fits the URL's scheme. */
  readonly listener: string | null;
}

export interface RequestExplanation {
  readonly request: { method: string; scheme: string; host: string; target: string; listener: string };
  /** null: no route takes it. */
  readonly route: string | null;
  readonly params: Readonly<Record<string, string>>;
  /** Its path can be read in ways that lead to different routes: 400. */
  readonly ambiguous: boolean;
  readonly action: string;
  readonly upstreams: ReadonlyArray<{
    name: string;
    weight: number;
    balance: string;
    target: string;
    endpoints: string[];
  }>;
  /** Whose hooks run, in this order. */
  readonly plugins: ReadonlyArray<{ name: string; file: string; timeoutMs: number; onError: "fail" | "continue" }>;
  readonly routes: readonly RouteVerdict[];
}

/** What would happen to a request under a specification; nothing is sent anywhere. */
export function explainRequest(spec: SnapshotSpec, question: Question): RequestExplanation | { problem: string } {
  const exchange = exchangeOf(spec, question);
  if (typeof exchange === "string") return { problem: exchange };
  const found = explainRoutes(
    spec.routes.map((route) => ({ spec: route })),
    exchange,
  );
  const route = found.winner?.spec ?? null;
  return {
    request: {
      method: exchange.received.method,
      scheme: exchange.scheme,
      host: exchange.host,
      target: exchange.received.target,
      listener: exchange.listener,
    },
    route: route?.id ?? null,
    params: exchange.params,
    ambiguous: found.ambiguous,
    action: route === null ? (found.ambiguous ? "refuse: 400 bad_request" : "refuse: 404 no_route") : actionOf(route),
    upstreams: route === null ? [] : upstreamsOf(route, spec.upstreams, exchange),
    plugins: pluginsOf(route?.plugins ?? spec.plugins.all, spec),
    routes: found.routes,
  };
}

const URL_PARTS = /^(https?):\/\/([^/?#]*)([^#]*)$/i;

// Taken apart by hand: `new URL` would resolve dot segments, and the target is matched as it is received.
function exchangeOf(spec: SnapshotSpec, question: Question): Exchange | string {
  const parts = URL_PARTS.exec(question.url.startsWith("/") ? `http://localhost${question.url}` : question.url);
  if (parts === null) return `"${question.url}" is not a URL such as http://api.example.com/users?x=1`;
  const scheme = parts[1]!.toLowerCase() as "http" | "https";
  const headers = new HeaderMap();
  for (const [name, value] of question.headers) headers.push(name, value);
  const authority = headers.first("host") ?? parts[2]!;
  const host = hostOf(authority);
  if (host === null) return `"${authority}" is not a host`;
  const rest = parts[3]!;
  const target = rest.startsWith("/") ? rest : `/${rest}`;
  return new Exchange({
    received: { method: question.method, target, authority, version: "1.1", headers },
    scheme,
    host,
    peer: { address: plainAddress(question.clientIp), port: 0, trusted: false },
    listener: question.listener ?? spec.listeners.find((l) => l.tls.length > 0 === (scheme === "https"))?.name ?? "",
    requestBody: null,
    upgrade: null,
    startedAt: 0,
    origins: { clientIp: () => question.clientIp, requestId: () => "explain" },
  });
}

function actionOf(route: RouteSpec): string {
  const { action } = route;
  if (action.kind === "redirect") return `redirect: ${action.status} to ${action.to}`;
  if (action.kind === "respond") return `respond: ${action.status}`;
  return action.targets.length > 1 ? "forward, split by weight" : "forward";
}

function pluginsOf(uses: readonly PluginUseSpec[], { plugins }: SnapshotSpec): RequestExplanation["plugins"] {
  return uses.map(({ key, timeoutMs, onError }) => {
    const { name, file } = plugins.instances.find((instance) => instance.key === key)!;
    return { name, file, timeoutMs, onError };
  });
}

function upstreamsOf(
  route: RouteSpec,
  upstreams: readonly UpstreamSpec[],
  exchange: Exchange,
): RequestExplanation["upstreams"] {
  const { action } = route;
  if (action.kind !== "forward") return [];
  return action.targets.map(({ upstream: name, weight }) => {
    const upstream = upstreams.find((candidate) => candidate.name === name)!;
    return {
      name,
      weight,
      balance: upstream.balance.policy,
      target: rewriteTarget(exchange, action, route.match.path, upstream.endpoints[0]?.basePath ?? ""),
      endpoints: upstream.endpoints.map((endpoint) => `${endpointId(endpoint)} (weight ${endpoint.weight})`),
    };
  });
}
