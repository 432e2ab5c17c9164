export interface KnownRoute {
  readonly method: string;
  /** `/api/routes/:id` */
  readonly path: string;
}

interface Pattern {
  readonly segments: readonly string[];
  readonly method: string;
}

/** Which methods a path has: whoever asks with another one is told. */
export class MethodTable {
  readonly #patterns: readonly Pattern[];

  constructor(routes: readonly KnownRoute[]) {
    this.#patterns = routes.map(({ method, path }) => ({ method, segments: segmentsOf(path) }));
  }

  /** In the order in which `Allow` lists them; empty: there is no such path. */
  of(path: string): string[] {
    const asked = segmentsOf(path);
    const own = this.#patterns.filter(({ segments }) => fits(segments, asked)).map(({ method }) => method);
    if (own.length === 0) return [];
    return [...new Set([...(own.includes("GET") ? ["GET", "HEAD"] : []), ...own, "OPTIONS"])];
  }
}

function segmentsOf(path: string): string[] {
  return path.replace(/\/$/, "").split("/");
}

function fits(pattern: readonly string[], asked: readonly string[]): boolean {
  if (pattern.length !== asked.length) return false;
  return pattern.every((segment, i) => (segment.startsWith(":") ? asked[i] !== "" : segment === asked[i]));
}
