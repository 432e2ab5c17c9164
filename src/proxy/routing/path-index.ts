import type { Exchange } from "../../model/exchange.ts";
import { addTo, type Bucket, firstIn } from "./bucket.ts";
import { ParamShapes } from "./param-shapes.ts";
import type { Entry } from "./precedence.ts";

const NO_LIMIT = Number.POSITIVE_INFINITY;

/** The routes of one host, found by path. However many there are, a request costs a few lookups. */
export class PathIndex<R> {
  readonly #exact = new Map<string, Bucket<R>>();
  readonly #prefixes = new Map<string, Bucket<R>>();
  readonly #params = new ParamShapes<R>("whole");
  readonly #paramPrefixes = new ParamShapes<R>("prefix");
  #longestPrefix = -1;

  /** Entries must be added in the order of their rank. */
  add(entry: Entry<R>): void {
    const { pattern } = entry;
    if (pattern.hasParams) return (pattern.isPrefix ? this.#paramPrefixes : this.#params).add(entry);
    const map = pattern.isPrefix ? this.#prefixes : this.#exact;
    if (pattern.isPrefix) this.#longestPrefix = Math.max(this.#longestPrefix, pattern.text.length);
    addTo(map, pattern.text, entry);
  }

  /** The most specific route for a decoded path, of those whose conditions hold. */
  find(path: string, exchange: Exchange): Entry<R> | null {
    if (this.#exact.size > 0) {
      const bucket = this.#exact.get(path);
      const found = bucket === undefined ? null : firstIn(bucket, exchange, NO_LIMIT);
      if (found !== null) return found;
    }
    if (!this.#params.isEmpty) {
      const found = this.#params.find(path, exchange, NO_LIMIT);
      if (found !== null) return found;
    }
    const prefix = this.#longestPrefix < 0 ? null : this.#findPrefix(path, exchange);
    if (this.#paramPrefixes.isEmpty) return prefix;
    return this.#paramPrefixes.find(path, exchange, prefix === null ? NO_LIMIT : prefix.rank) ?? prefix;
  }

  /** Cuts the path at its slashes, from the right; never longer than the longest prefix, whatever the request sends. */
  #findPrefix(path: string, exchange: Exchange): Entry<R> | null {
    let end = path.length <= this.#longestPrefix ? path.length : path.lastIndexOf("/", this.#longestPrefix);
    while (end >= 0) {
      const bucket = this.#prefixes.get(end === path.length ? path : path.slice(0, end));
      const found = bucket === undefined ? null : firstIn(bucket, exchange, NO_LIMIT);
      if (found !== null) return found;
      end = end === 0 ? -1 : path.lastIndexOf("/", end - 1);
    }
    return null;
  }
}
