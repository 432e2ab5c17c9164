import { Exchange } from "../../src/model/exchange.ts";
import type { GatewayError } from "../../src/model/gateway-error.ts";
import { HeaderMap } from "../../src/model/header-map.ts";
import type { ProxyEvent } from "../../src/model/ports.ts";
import type { AdmissionSpec, RouteSpec, UpstreamAdmissionSpec, UpstreamSpec } from "../../src/model/snapshot-spec.ts";
import { Admissions, compileGates } from "../../src/proxy/limits/admission.ts";
import { InFlight, inFlightLength } from "../../src/proxy/limits/in-flight.ts";
import { Ticker } from "../../src/proxy/ticker.ts";

export const SLOT = { process: 0, route: 1, upstream: 2 };
const GATES = 5;

export interface Limits {
  readonly process?: number;
  readonly route?: number;
  readonly upstream?: number;
  readonly queue?: { max: number; waitMs: number };
  readonly adaptive?: boolean;
  readonly memory?: AdmissionSpec["memory"];
  readonly slot?: number;
  /** Of importance, that routes use; default: one. */
  readonly classes?: readonly number[];
}

/** Counts that so many workers share. */
export function sharedCounts(workers: number): InFlight[] {
  const counts = new Int32Array(inFlightLength(GATES, workers));
  return Array.from({ length: workers }, (_, row) => new InFlight(counts, workers, row));
}

/** What one request has heard. */
export interface Asked {
  readonly exchange: Exchange;
  /** Undefined: it waits. */
  answer: GatewayError | null | undefined;
}

/** One worker's admission, on a clock that stands still. */
export class Rig {
  readonly events: ProxyEvent[] = [];
  readonly inFlight: InFlight;
  readonly admissions: Admissions;
  readonly ticker: Ticker;
  now = 1000;
  used = 0;
  reclaimed = 0;
  /** By each time memory is given back. */
  freed = 0;
  #limits: Limits;

  constructor(limits: Limits, inFlight = InFlight.local(GATES)) {
    this.inFlight = inFlight;
    const clock = { now: () => this.now, wall: () => this.now };
    this.ticker = new Ticker(clock, 0);
    this.admissions = new Admissions({
      inFlight,
      clock,
      ticker: this.ticker,
      clockOffsetMs: 0,
      memory: { used: () => this.used, limitBytes: 1000, reclaim: () => this.#reclaim() },
      event: (event) => this.events.push(event),
    });
    this.#limits = limits;
    this.update(limits);
  }

  update(limits: Limits): void {
    this.#limits = limits;
    const { classes = [1] } = limits;
    const routes = classes.map((importance) => ({ importance, action: { kind: "forward" } }) as RouteSpec);
    this.admissions.update({ admission: admissionOf(limits), upstreams: [upstreamOf(limits)], routes });
  }

  ask(importance = 1): Asked {
    const asked: Asked = { exchange: exchange(), answer: undefined };
    const limits = this.#limits;
    const route = {
      id: "shop",
      importance,
      maxInFlight: limits.route === undefined ? null : { slot: SLOT.route, max: limits.route },
    };
    const gates = compileGates({ admission: admissionOf(limits) }, route, upstreamOf(limits));
    if (gates === null) throw new Error("nothing is limited");
    this.admissions.enter(asked.exchange, gates, (refusal) => {
      if (asked.answer !== undefined) throw new Error("answered twice");
      asked.answer = refusal;
    });
    return asked;
  }

  advance(ms: number): void {
    this.now += ms;
    this.ticker.tick();
  }

  #reclaim(): void {
    this.reclaimed++;
    this.used -= this.freed;
  }

  /** What is in flight: in the process, the route, the upstream. */
  get held(): number[] {
    return [SLOT.process, SLOT.route, SLOT.upstream].map((slot) => this.inFlight.count(slot));
  }
}

/** `in`, `waits`, or why not. */
export function outcome({ answer }: Asked): string {
  return answer === undefined ? "waits" : answer === null ? "in" : answer.detail;
}

/** As the gateway does at the end of an exchange. */
export function end({ exchange }: Asked): void {
  exchange.admitted?.release();
}

function admissionOf({ process, memory = null }: Limits): AdmissionSpec {
  return { maxInFlight: process === undefined ? null : { slot: SLOT.process, max: process }, memory };
}

function upstreamOf(limits: Limits): UpstreamSpec {
  const { upstream, queue = { max: 0, waitMs: 0 }, adaptive = false, slot = SLOT.upstream } = limits;
  const admission: UpstreamAdmissionSpec | null =
    upstream === undefined ? null : { gate: { slot, max: upstream }, queue, adaptive };
  return { name: "api", admission } as UpstreamSpec;
}

function exchange(): Exchange {
  return new Exchange({
    received: { method: "GET", target: "/", authority: "a", version: "1.1", headers: new HeaderMap() },
    scheme: "http",
    host: "a",
    peer: { address: "127.0.0.1", port: 1, trusted: false },
    listener: "test",
    requestBody: null,
    upgrade: null,
    startedAt: 0,
    origins: { clientIp: () => "127.0.0.1", requestId: () => "1" },
  });
}
