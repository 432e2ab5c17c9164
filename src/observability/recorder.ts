import type { Exchange } from "../model/exchange.ts";
import type { ProxyEvent, Telemetry } from "../model/ports.ts";
import type { AccessLogSpec } from "../model/snapshot-spec.ts";
import { AccessLog } from "./access-log.ts";
import type { Counters } from "./counters.ts";
import { logEvent } from "./event-log.ts";
import type { Logger } from "./logger.ts";

const SILENT: AccessLogSpec = { mode: "off", successRate: 0, errorRate: 0 };

/** What one data plane tells, counted and logged. */
export class Recorder implements Telemetry {
  readonly counters: Counters;
  readonly #log: Logger;
  readonly #access: AccessLog;

  constructor(counters: Counters, log: Logger) {
    this.counters = counters;
    this.#log = log;
    this.#access = new AccessLog(log, SILENT, Math.random);
  }

  configure(spec: AccessLogSpec): void {
    this.#access.configure(spec);
  }

  exchangeEnded(exchange: Exchange): void {
    this.counters.record(exchange);
    this.#access.record(exchange);
  }

  event(event: ProxyEvent): void {
    logEvent(this.#log, event);
  }
}
