import type { Exchange, Release } from "../../model/exchange.ts";
import type { GatewayError } from "../../model/gateway-error.ts";
import type { Clock } from "../../model/ports.ts";
import type { Cancel } from "../../model/reply.ts";
import type { RouteGates } from "./admission-gates.ts";
import type { Refusal, Waiting, WaitingList } from "./admission-queue.ts";
import type { AdmissionReport } from "./admission-report.ts";
import type { UpstreamAdmission } from "./admission-upstream.ts";
import type { InFlight } from "./in-flight.ts";

export type Admitted = (refusal: GatewayError | null) => void;

/** What passes need of those who give them out. */
export interface PassDeps {
  readonly inFlight: InFlight;
  readonly clock: Clock;
  readonly report: AdmissionReport;
}

/** The places of one exchange: its entry in the upstream's queue, then what gives everything back, exactly once. */
export class AdmissionPass implements Waiting, Cancel, Release {
  readonly priority: number;
  queuedAt = 0;
  queuedIn: WaitingList | null = null;
  before: Waiting | null = null;
  after: Waiting | null = null;

  readonly #exchange: Exchange;
  readonly #gates: RouteGates;
  readonly #deps: PassDeps;
  #upstream: UpstreamAdmission | null = null;
  /** Not null while it waits. */
  #done: Admitted | null = null;
  #over = false;

  /** Holds the places at the process and the route from the start. */
  constructor(exchange: Exchange, gates: RouteGates, deps: PassDeps) {
    this.priority = gates.importance;
    this.#exchange = exchange;
    this.#gates = gates;
    this.#deps = deps;
    exchange.admitted = this;
  }

  /** Takes a place at the upstream or waits for one. */
  enter(upstream: UpstreamAdmission, done: Admitted): void {
    this.#upstream = upstream;
    // Before it is known: letting others go may end this one, too.
    this.#done = done;
    this.#exchange.running = this;
    const outcome = upstream.admit(this, this.#deps.clock.now());
    if (outcome === "queued") return;
    this.#stopWaiting();
    if (outcome === "admitted") return done(null);
    this.#leave();
    done(this.#refusal("no place is free and the queue is full"));
  }

  // ---- what the queue says ----

  admitted(): void {
    this.#stopWaiting()(null);
  }

  refused(why: Refusal): void {
    const done = this.#stopWaiting();
    this.#leave();
    done(this.#refusal(why === "expired" ? "waited too long for a place" : "gave way to what is more important"));
  }

  // ---- what the client and the gateway say ----

  cancel(why: GatewayError): void {
    if (this.#done !== null) this.#giveUp(why);
  }

  /**
   * Most who end their side have gone, and an overload is no time to work for them; one who still reads is told. Once it is let
   * in a half-closed client is served as any other.
   */
  doubt(): void {
    if (this.#done !== null) this.#giveUp(this.#refusal("the client ended its side while it waited"));
  }

  release(): void {
    if (this.#over) return;
    const upstream = this.#upstream;
    const waits = this.#done !== null;
    if (waits) this.#stopWaiting();
    // The outer places first: who is let in by the last one may end at once, and another come.
    this.#leave();
    if (upstream === null) return;
    if (waits) upstream.cancel(this);
    else if (upstream.waiting === 0) upstream.release();
    else upstream.leave(this.#deps.clock.now());
  }

  #giveUp(why: GatewayError): void {
    this.#upstream!.cancel(this);
    const done = this.#stopWaiting();
    this.#leave();
    done(why);
  }

  #stopWaiting(): Admitted {
    const done = this.#done!;
    this.#done = null;
    if (this.#exchange.running === this) this.#exchange.running = null;
    return done;
  }

  /** Gives back the places at the process and the route. */
  #leave(): void {
    this.#over = true;
    this.#exchange.admitted = null;
    const { process, route } = this.#gates;
    if (route !== null) this.#deps.inFlight.release(route.slot);
    if (process !== null) this.#deps.inFlight.release(process.slot);
  }

  #refusal(reason: string): GatewayError {
    return this.#deps.report.refusal(`upstream ${this.#gates.upstream}`, reason);
  }
}
