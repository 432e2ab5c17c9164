import type { Exchange } from "../model/exchange.ts";
import type { ProxyEvent, Telemetry } from "../model/ports.ts";
import type { AccessLogSpec } from "../model/snapshot-spec.ts";
import { AccessLog } from "./access-log.ts";
import type { Counters } from "./counters.ts";
import { loggedEvents } from "./event-log.ts";
import { publishEnd } from "./exchange-events.ts";
import type { Logger } from "./logger.ts";

const SILENT: AccessLogSpec = { mode: "off", successRate: 0, errorRate: 0 };

/** What one data plane tells: counted, logged, and passed on to whoever listens. */
export class Recorder implements Telemetry {
  readonly counters: Counters;
  readonly #access: AccessLog;
  readonly #events;

  /** @param events of the process, where it has a bus already; else one of its own that is logged. */
  constructor(counters: Counters, log: Logger, events = loggedEvents(log)) {
    this.counters = counters;
    this.#events = events;
    this.#access = new AccessLog(log, SILENT, Math.random);
  }

  configure(spec: AccessLogSpec): void {
    this.#access.configure(spec);
  }

  exchangeEnded(exchange: Exchange): void {
    this.counters.record(exchange);
    this.#access.record(exchange);
    if (exchange.code !== null) publishEnd(this.#events, exchange);
  }

  event(event: ProxyEvent): void {
    this.#events.publish(event);
  }
}
