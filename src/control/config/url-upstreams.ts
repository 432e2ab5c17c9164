import { readable, type BuildContext } from "./build-context.ts";
import type { ConfigPath } from "./diagnostics.ts";

/** An upstream that a route names by its address. */
export interface UrlUpstream {
  readonly name: string;
  readonly url: string;
  readonly path: ConfigPath;
}

/** A route's `upstream: https://api.example.com` is an upstream of that name; routes with the same address share it. */
export function urlUpstreams(context: BuildContext): UrlUpstream[] {
  const found = new Map<string, UrlUpstream>();
  for (const { item, index } of readable(context.config.routes)) {
    const name = item.upstream === undefined ? null : nameOfUrl(item.upstream);
    if (name === null || item.enabled === false || found.has(name)) continue;
    found.set(name, { name, url: item.upstream!, path: ["routes", index, "upstream"] });
  }
  return [...found.values()];
}

/** The name of the upstream at an address; null: the text is no address, but a name itself. */
export function nameOfUrl(text: string): string | null {
  const address = /^(https?:\/\/|unix:)(.*)$/i.exec(text);
  if (address === null) return null;
  const scheme = address[1]!.replace(/:.*$/, "").toLowerCase();
  const rest = address[2]!
    .replace(/\/+$/, "")
    .replaceAll(/[^A-Za-z0-9._-]+/g, "-")
    .replaceAll(/^-|-$/g, "");
  return `${scheme}-${rest}`.slice(0, 100);
}
