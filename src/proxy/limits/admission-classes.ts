import type { RouteSpec } from "../../model/snapshot-spec.ts";

/** Classes of importance: high, normal, low. */
export const CLASSES = 3;

/** Of the places under a limit: what a class leaves free for each more important one. */
const LEFT_FREE = 0.1;

/**
 * How far each class of importance may fill what all share. The most important class that routes use may take every place; each
 * class below leaves some free for those above. So the less important are refused first, and a limit means what it says where
 * every route is of one class.
 */
export class ImportanceClasses {
  /** By class: how many more important ones are in use. */
  readonly #above = new Uint8Array(CLASSES);

  update(routes: readonly Pick<RouteSpec, "importance" | "action">[]): void {
    const used = new Set(routes.filter(({ action }) => action.kind === "forward").map(({ importance }) => importance));
    for (let rank = 0, above = 0; rank < CLASSES; rank++) {
      this.#above[rank] = above;
      if (used.has(rank)) above++;
    }
  }

  /** Of `max` places, those that a request of this class may find taken up to. */
  placesFor(importance: number, max: number): number {
    const above = this.#above[importance] ?? 0;
    if (above === 0 || max === Number.POSITIVE_INFINITY) return max;
    return Math.max(1, max - above * Math.ceil(max * LEFT_FREE));
  }
}
