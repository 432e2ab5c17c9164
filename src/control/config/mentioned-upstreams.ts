/** Names of upstreams that a plugin's configuration may mean: whole strings (`t.Upstream()` fields), and `upstream://NAME/…`. */
export function mentionedUpstreams(config: unknown): string[] {
  if (typeof config === "string") return [/^upstream:\/\/([^/?]*)/.exec(config)?.[1] ?? config];
  if (typeof config !== "object" || config === null) return [];
  return Object.values(config).flatMap(mentionedUpstreams);
}
