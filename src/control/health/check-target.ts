import type { EndpointSpec } from "../../model/snapshot-spec.ts";
import type { CheckedUpstream, Probe, ProbeResult } from "./check-spec.ts";

export interface CheckRun {
  readonly abort: AbortController;
  readonly startedAt: number;
  readonly deadline: number;
}

/** One endpoint under checks: what is known of it, and when it is asked next. Counts results; knows no clock. */
export class CheckTarget {
  readonly upstream: string;
  readonly endpointId: string;
  checked: CheckedUpstream;
  probe: Probe;
  /** null: unknown. */
  healthy: boolean | null = null;
  reason = "no check has ended yet";
  /** Ms since the epoch; of the last verdict. */
  changedAt = 0;
  dueAt = 0;
  run: CheckRun | null = null;
  readonly endpoint: EndpointSpec;
  #inARow = 0;
  #wasHealthy = false;

  constructor(checked: CheckedUpstream, endpoint: EndpointSpec, parts: { endpointId: string; probe: Probe }) {
    this.upstream = checked.upstream.name;
    this.endpointId = parts.endpointId;
    this.checked = checked;
    this.endpoint = endpoint;
    this.probe = parts.probe;
  }

  /**
   * The first result of all decides alone, and so does the first success: whoever starts together with what it checks should not
   * wait longer than that.
   *
   * @returns whether the verdict has changed.
   */
  record(result: ProbeResult): boolean {
    const { healthyAfter, unhealthyAfter } = this.checked.active;
    if (result.ok === this.healthy) {
      this.#inARow = 0;
      this.reason = result.reason;
      return false;
    }
    this.#inARow++;
    const isFirst = this.healthy === null || (result.ok && !this.#wasHealthy);
    const needed = isFirst ? 1 : result.ok ? healthyAfter : unhealthyAfter;
    if (this.#inARow < needed) return false;
    const row = this.#inARow > 1 ? ` (${this.#inARow} times in a row)` : "";
    this.#inARow = 0;
    this.healthy = result.ok;
    this.#wasHealthy ||= result.ok;
    this.reason = `${result.reason}${row}`;
    return true;
  }
}
