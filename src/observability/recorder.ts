import type { Exchange } from "../model/exchange.ts";
import type { AttemptOutcome, ProxyEvent, Telemetry } from "../model/ports.ts";
import type { AccessLogSpec } from "../model/snapshot-spec.ts";
import { AccessLog } from "./access-log.ts";
import { EventCounts } from "./metrics/event-counts.ts";
import type { Counters } from "./counters.ts";
import type { EventBus } from "./event-bus.ts";
import { publishEnd } from "./exchange-events.ts";
import type { Logger } from "./logger.ts";

const SILENT: AccessLogSpec = { mode: "off", successRate: 0, errorRate: 0 };

/** What one data plane tells: counted, logged, and passed on to whoever listens. */
export class Recorder implements Telemetry {
  readonly counters: Counters;
  /** Of events, by what they are about. */
  readonly counts = new EventCounts();
  readonly #access: AccessLog;
  readonly #events: EventBus;

  /** @param events of this process, and logged */
  constructor(counters: Counters, log: Logger, events: EventBus) {
    this.counters = counters;
    this.#events = events;
    this.#access = new AccessLog(log, SILENT, Math.random);
  }

  configure(spec: AccessLogSpec): void {
    this.#access.configure(spec);
  }

  exchangeEnded(exchange: Exchange): void {
    this.counters.record(exchange);
    const { endpointSlot, source, requestBytes, replyBytes } = exchange;
    // What Sluice says when an endpoint failed came from nobody.
    if (endpointSlot >= 0)
      this.counters.recordBytes(endpointSlot, requestBytes, source === "upstream" ? replyBytes : 0);
    this.#access.record(exchange);
    if (exchange.code !== null) publishEnd(this.#events, exchange);
  }

  attemptEnded(slot: number, { status, code }: AttemptOutcome, ms: number): void {
    this.counters.recordAttempt(slot, status, code, ms);
  }

  retried(slot: number): void {
    this.counters.recordRetry(slot);
  }

  event(event: ProxyEvent): void {
    // All of them: the bus tells only so many.
    this.counts.count(event);
    this.#events.publish(event);
  }
}
