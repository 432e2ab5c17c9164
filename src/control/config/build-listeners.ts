import { isIP } from "node:net";
import type { ListenerSpec } from "../../model/snapshot-spec.ts";
import { readable, type BuildContext } from "./build-context.ts";
import { DEFAULTS } from "./defaults.ts";
import type { ConfigPath } from "./diagnostics.ts";
import type { ListenerConfig } from "./schema-listeners.ts";
import { buildTlsIdentity } from "./tls-files.ts";

type Source = Omit<ListenerConfig, "port"> & { port?: number };

/** `proxy` and `listeners` together; one on the default port when there is neither. */
export function buildListeners(context: BuildContext): ListenerSpec[] {
  const { config } = context;
  const sources: Array<{ source: Source; path: ConfigPath }> = [];
  if (config.proxy !== undefined) {
    sources.push({ source: { port: DEFAULTS.listener.port, ...config.proxy }, path: ["proxy"] });
  }
  for (const { item, index } of readable(config.listeners)) sources.push({ source: item, path: ["listeners", index] });
  if (sources.length === 0 && config.listeners === undefined) sources.push({ source: DEFAULTS.listener, path: [] });
  if (config.listeners?.length === 0 && sources.length === 0) context.error(["listeners"], "nothing to listen on");
  const names = new Set<string>();
  const listeners = sources.map(({ source, path }) => buildListener(source, path, names, context));
  refuseSharedAddresses(listeners, sources, context);
  return listeners;
}

function buildListener(source: Source, path: ConfigPath, names: Set<string>, context: BuildContext): ListenerSpec {
  const host = bindAddress(source.host ?? DEFAULTS.listener.host, path, context);
  const port = source.port ?? DEFAULTS.listener.port;
  const http2 = source.http2 ?? false;
  const http3 = source.http3 ?? false;
  const hasTls = (source.tls?.length ?? 0) > 0;
  if (source.tls?.length === 0) context.error([...path, "tls"], "holds no certificate");
  for (const key of ["http2", "http3"] as const) {
    if (source[key] === true && source.tls === undefined && !context.has([...path, "tls"]))
      context.error([...path, key], `${key} needs tls`, "add tls: { cert, key }");
  }
  if (source.redirectToHttps === true && hasTls) {
    context.error([...path, "redirectToHttps"], "this listener speaks https already", "put it on the http listener");
  }
  const edge = resolveEdge(source.edge ?? "auto", { http2, http3 }, context.autoEdge);
  if (edge === "wire" && (http2 || http3))
    context.error([...path, "edge"], "edge wire speaks HTTP/1.1 only", "use edge: auto");
  if (edge === "serve" && source.proxyProtocol === true) {
    context.error([...path, "proxyProtocol"], "needs edge: wire, which has neither http2 nor http3");
  }
  if (edge === "serve" && (source.edge ?? "auto") === "auto") {
    const cost =
      "streamed replies lose Content-Length, raw paths, trailers and 1xx are lost, repeated headers are joined";
    context.warn(
      [...path, http2 ? "http2" : "http3"],
      `HTTP/1.1 clients of this listener pay for it: ${cost}`,
      "docs/edges.md; a listener of its own keeps them byte-exact",
    );
  }
  const tls = readable(source.tls).map(({ item, index }) =>
    buildTlsIdentity(item, tlsPath(path, index, context), context),
  );
  return {
    name: uniqueName(source.name ?? `${host.includes(":") ? `[${host}]` : host}:${port}`, source.name, {
      path,
      names,
      context,
    }),
    host,
    port,
    edge,
    tls: tls.filter((identity) => identity !== null),
    http2,
    http3,
    redirectToHttps: source.redirectToHttps ?? false,
    proxyProtocol: source.proxyProtocol ?? false,
    healthPath: healthPath(source.health, path, context),
  };
}

/**
 * What `auto` comes to: HTTP/2 and HTTP/3 are only there on `serve`; everything else takes what the build stands behind.
 */
export function resolveEdge(
  edge: "auto" | "wire" | "serve",
  protocols: { http2: boolean; http3: boolean },
  autoEdge: "serve" | "wire",
): "serve" | "wire" {
  if (edge !== "auto") return edge;
  return protocols.http2 || protocols.http3 ? "serve" : autoEdge;
}

// A single map and a list of them read the same; only the list has indices to point at.
function tlsPath(path: ConfigPath, index: number, context: BuildContext): ConfigPath {
  return context.isList([...path, "tls"]) ? [...path, "tls", index] : [...path, "tls"];
}

function healthPath(health: string | false | undefined, path: ConfigPath, context: BuildContext): string | null {
  if (health === undefined || health === false) return null;
  if (/[:*]/.test(health)) context.error([...path, "health"], "is one exact path, without parameters or *");
  return health;
}

const HOST_NAME = /^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$/;

function bindAddress(host: string, path: ConfigPath, context: BuildContext): string {
  if (host === "*") return "0.0.0.0";
  const plain = /^\[.*\]$/.test(host) ? host.slice(1, -1) : host;
  if (isIP(plain) !== 0) return plain;
  const isAddressLike = /^[\d.]+$/.test(plain);
  if (!HOST_NAME.test(plain) || isAddressLike) {
    context.error([...path, "host"], `expected an address such as 0.0.0.0 or 127.0.0.1, got ${JSON.stringify(host)}`);
  }
  return plain;
}

function uniqueName(
  wanted: string,
  given: string | undefined,
  { path, names, context }: { path: ConfigPath; names: Set<string>; context: BuildContext },
): string {
  let name = wanted;
  if (names.has(name) && given !== undefined) context.error([...path, "name"], `another listener is called "${given}"`);
  for (let i = 2; names.has(name); i++) name = `${wanted}-${i}`;
  names.add(name);
  return name;
}

function refuseSharedAddresses(
  listeners: readonly ListenerSpec[],
  sources: ReadonlyArray<{ path: ConfigPath }>,
  context: BuildContext,
): void {
  const seen = new Map<string, string>();
  for (const [i, { host, port }] of listeners.entries()) {
    const address = `${host.toLowerCase()} ${port}`;
    const other = port === 0 ? undefined : seen.get(address);
    if (other !== undefined)
      context.error([...sources[i]!.path, "port"], `${host}:${port} is taken by ${other} already`);
    else seen.set(address, sources[i]!.path.join("."));
  }
}
