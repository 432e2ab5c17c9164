import type { SlotTable } from "./control/config/slot-table.ts";
import type { Proxied } from "./management/proxied.ts";
import type { Traffic } from "./traffic.ts";

export interface ProxiedParts extends Pick<Proxied, "reload" | "reconcile"> {
  readonly traffic: Traffic;
  readonly slots: SlotTable;
  readonly plugins: () => Proxied["plugins"];
}

/** The traffic as management sees it. */
export function proxiedTraffic({ traffic, slots, plugins, reload, reconcile }: ProxiedParts): Proxied {
  return {
    log: traffic.log.log,
    events: traffic.events,
    alerts: traffic.alerts,
    told: traffic.told,
    requests: { slots: () => slots.routeSlots, forgotten: traffic.forgotten },
    get spec() {
      return traffic.spec;
    },
    get counters() {
      return traffic.counters;
    },
    get workers() {
      return traffic.workers;
    },
    get plugins() {
      return plugins();
    },
    get nextVersion() {
      return traffic.nextVersion;
    },
    get asked() {
      return traffic.asked;
    },
    get verdicts() {
      return traffic.verdicts;
    },
    views: () => traffic.views(),
    resetPlugin: (name) => traffic.resetPlugin(name),
    reload,
    reconcile,
  };
}
