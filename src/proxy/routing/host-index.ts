/** Values by host pattern: exact names, `*.suffix` for one or more labels in front of a suffix, and any host. */
export class HostIndex<T> {
  any: T | null = null;
  readonly #exact = new Map<string, T>();
  readonly #bySuffix = new Map<string, T>();
  #longestSuffix = 0;

  /** The value for exactly this pattern ("" or "*": any host), made by `create` when it is new. */
  ensure(pattern: string, create: () => T): T {
    if (pattern === "" || pattern === "*") return (this.any ??= create());
    const isWildcard = pattern.startsWith("*.");
    const map = isWildcard ? this.#bySuffix : this.#exact;
    const key = isWildcard ? pattern.slice(1) : pattern;
    if (isWildcard) this.#longestSuffix = Math.max(this.#longestSuffix, key.length);
    let value = map.get(key);
    if (value === undefined) map.set(key, (value = create()));
    return value;
  }

  exact(host: string): T | undefined {
    return this.#exact.size === 0 ? undefined : this.#exact.get(host);
  }

  /**
   * Walks the wildcards that cover `host`, longest suffix first.
   * @param from where to look from: -1 at first, then what the last call gave back.
   * @returns the place of the next suffix with a value, -1 when there is none.
   */
  nextSuffix(host: string, from: number): number {
    if (this.#longestSuffix === 0) return -1;
    // Suffixes longer than any configured one are not looked up: a hostile host of a thousand dots costs a few lookups.
    const start = Math.max(from + 1, 1, host.length - this.#longestSuffix);
    for (let dot = host.indexOf(".", start); dot > 0; dot = host.indexOf(".", dot + 1))
      if (this.#bySuffix.has(host.slice(dot))) return dot;
    return -1;
  }

  suffix(host: string, at: number): T {
    return this.#bySuffix.get(host.slice(at))!;
  }
}
