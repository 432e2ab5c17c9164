import { readable, type BuildContext } from "./build-context.ts";
import type { ConfigPath } from "./diagnostics.ts";

/** An upstream that a provider is to find. */
export interface AwaitedUpstream {
  readonly name: string;
  /** Where it is named first. */
  readonly path: ConfigPath;
}

const FOUND = /^[A-Za-z0-9._-]{1,100}@(registry|docker)$/;

/**
 * Upstreams such as `shop@registry` that are named before they are found, or after they have gone. They are there, without endpoints:
 * what a provider finds never decides whether the operator's own configuration is valid.
 * @param mentioned by plugins
 */
export function awaitedUpstreams(
  context: BuildContext,
  known: ReadonlySet<string>,
  mentioned: readonly string[],
): AwaitedUpstream[] {
  const { discovery } = context.config;
  const awaited = new Map<string, AwaitedUpstream>();
  const add = (name: string | undefined, path: ConfigPath) => {
    const [, provider] = FOUND.exec(name ?? "") ?? [];
    const settings = discovery?.[provider as "registry" | "docker"];
    if (provider === undefined || settings === undefined || settings.enabled === false) return;
    if (!known.has(name!) && !awaited.has(name!)) awaited.set(name!, { name: name!, path });
  };
  for (const { item, index } of readable(context.config.routes)) {
    if (item.enabled === false) continue;
    add(item.upstream, ["routes", index, "upstream"]);
    for (const { item: target, index: i } of readable(item.split?.targets))
      add(target.upstream, ["routes", index, "split", "targets", i, "upstream"]);
  }
  for (const name of mentioned) add(name, ["plugins"]);
  return [...awaited.values()];
}
