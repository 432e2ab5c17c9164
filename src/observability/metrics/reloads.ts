import type { EventBus } from "../event-bus.ts";
import type { ReloadState } from "./metrics-page.ts";

/** What became of configurations, from the bus of the process that loads them. @param wall ms since the epoch; the first one is applied now */
export function trackReloads(bus: EventBus, wall: () => number): () => ReloadState {
  let state: ReloadState = { successful: true, appliedAtSeconds: wall() / 1000 };
  bus.subscribe(["config.reloaded", "config.rejected"], ({ type }) => {
    if (type === "config.reloaded") state = { successful: true, appliedAtSeconds: wall() / 1000 };
    else state = { ...state, successful: false };
  });
  return () => state;
}
