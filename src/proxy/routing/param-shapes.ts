import type { Exchange } from "../../model/exchange.ts";
import { addTo, type Bucket, firstIn } from "./bucket.ts";
import type { PathPattern } from "./path-pattern.ts";
import type { Entry } from "./precedence.ts";

/** Patterns whose literal segments stand in the same places, found with one lookup of those segments. */
interface Shape<R> {
  readonly length: number;
  readonly literals: readonly number[];
  readonly params: readonly number[];
  readonly buckets: Map<string, Bucket<R>>;
}

/**
 * Patterns with parameters. There are as many lookups as there are shapes (`/users/:id` and `/posts/:slug` are of one),
 * however many patterns there are.
 */
export class ParamShapes<R> {
  readonly #shapes = new Map<string, Shape<R>>();
  readonly #isPrefix: boolean;
  #list: readonly Shape<R>[] = [];
  #longest = 0;

  constructor(kind: "whole" | "prefix") {
    this.#isPrefix = kind === "prefix";
  }

  get isEmpty(): boolean {
    return this.#list.length === 0;
  }

  /** Entries must be added in the order of their rank. */
  add(entry: Entry<R>): void {
    const shape = this.#shapeOf(entry.pattern);
    const key = shape.literals.map((i) => entry.pattern.segments[i]!.literal).join("/");
    addTo(shape.buckets, key, entry);
  }

  #shapeOf({ segments }: PathPattern): Shape<R> {
    const id = segments.map((segment) => (segment.param === null ? "l" : "p")).join("");
    let shape = this.#shapes.get(id);
    if (shape === undefined) {
      const indexes = segments.map((_, i) => i);
      const literals = indexes.filter((i) => segments[i]!.param === null);
      const params = indexes.filter((i) => segments[i]!.param !== null);
      shape = { length: segments.length, literals, params, buckets: new Map() };
      this.#shapes.set(id, shape);
      this.#list = [...this.#shapes.values()];
      this.#longest = Math.max(this.#longest, segments.length);
    }
    return shape;
  }

  find(path: string, exchange: Exchange, worst: number): Entry<R> | null {
    const segments = path.slice(1).split("/", this.#longest + 1);
    let best: Entry<R> | null = null;
    for (const shape of this.#list) {
      if (!this.#fits(shape, segments)) continue;
      const bucket = shape.buckets.get(keyOf(shape, segments));
      const found: Entry<R> | null =
        bucket === undefined ? null : firstIn(bucket, exchange, best === null ? worst : best.rank);
      if (found !== null) best = found;
    }
    return best;
  }

  #fits(shape: Shape<R>, segments: readonly string[]): boolean {
    if (this.#isPrefix ? segments.length < shape.length : segments.length !== shape.length) return false;
    for (const i of shape.params) if (segments[i] === "") return false;
    return true;
  }
}

function keyOf(shape: Shape<unknown>, segments: readonly string[]): string {
  const { literals } = shape;
  if (literals.length === 0) return "";
  let key = segments[literals[0]!]!;
  for (let i = 1; i < literals.length; i++) key += `/${segments[literals[i]!]!}`;
  return key;
}
