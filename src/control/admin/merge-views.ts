import type { EndpointHealthView } from "../../proxy/upstream/health/health-registry.ts";
import type { EndpointView } from "./admin-ports.ts";

/** Of the most cautious worker first. */
const ORDER = ["barred", "suspect", "available"];

/** Endpoints as all workers see them together: what is in flight is added up, and the most cautious one gives the reasons. */
export function mergeViews(workers: ReadonlyArray<readonly EndpointHealthView[]>): EndpointView[] {
  const merged = new Map<string, EndpointHealthView[]>();
  for (const view of workers.flat()) {
    const key = `${view.upstream} ${view.endpoint}`;
    const same = merged.get(key);
    if (same === undefined) merged.set(key, [view]);
    else same.push(view);
  }
  return [...merged.values()].map((views) => {
    const [most] = views.toSorted((a, b) => ORDER.indexOf(a.standing) - ORDER.indexOf(b.standing));
    return {
      ...most!,
      inFlight: views.reduce((sum, { inFlight }) => sum + inFlight, 0),
      disagreement: views.some(({ standing }) => standing !== most!.standing),
    };
  });
}
