import type { Clock, Random } from "../../model/ports.ts";
import type { SnapshotSpec } from "../../model/snapshot-spec.ts";
import { DialGuard } from "../../proxy/upstream/dial-guard.ts";
import type { EndpointVerdict } from "../../proxy/upstream/health/health-registry.ts";
import { ActiveChecker, type CheckerParts, type CheckStatus } from "./active-checker.ts";
import { createProbes } from "./create-probe.ts";

export interface HealthChecksParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly onVerdict: CheckerParts["onVerdict"];
}

/** The active checks of what is served, once in a process tree, within the rules for what may be dialled. */
export class HealthChecks {
  readonly #clock: Clock;
  readonly #checker: ActiveChecker;
  #guard: DialGuard;
  #rules = "";

  constructor(parts: HealthChecksParts) {
    this.#clock = parts.clock;
    this.#guard = this.#guardOf({ blockedIPs: [], allowedHosts: null, neverDial: [] });
    const createProbe = createProbes({ check: (endpoint) => this.#guard.check(endpoint) });
    this.#checker = new ActiveChecker({ ...parts, createProbe });
  }

  /** Checks what `spec` asks for from now on: call it when that is served. */
  follow(spec: SnapshotSpec): void {
    const rules = JSON.stringify([spec.blockedIPs, spec.allowedHosts, spec.neverDial]);
    // A guard knows what names resolved to: another one only for other rules.
    if (rules !== this.#rules) this.#guard = this.#guardOf(spec);
    this.#rules = rules;
    const checked = spec.upstreams.flatMap((upstream) => {
      return upstream.health.active === null ? [] : [{ upstream, active: upstream.health.active }];
    });
    this.#checker.update(checked);
    if (checked.length > 0) this.#checker.start();
    else this.#checker.stop();
  }

  /** Of each endpoint that is checked. */
  get statuses(): CheckStatus[] {
    return [...this.#checker.statuses()];
  }

  /** What is known: for a worker that has just started. */
  get verdicts(): EndpointVerdict[] {
    return this.statuses.flatMap(({ verdict }) => verdict ?? []);
  }

  stop(): void {
    this.#checker.stop();
  }

  #guardOf({ blockedIPs, allowedHosts, neverDial }: Pick<SnapshotSpec, "blockedIPs" | "allowedHosts" | "neverDial">) {
    return new DialGuard(blockedIPs, allowedHosts, () => this.#clock.now()).sparing(neverDial);
  }
}
