import type { Exchange } from "../../model/exchange.ts";
import type { GatewayError } from "../../model/gateway-error.ts";
import type { Clock, ProxyEvent } from "../../model/ports.ts";
import type { SnapshotSpec } from "../../model/snapshot-spec.ts";
import type { Ticked, Ticker } from "../ticker.ts";
import { CLASSES, ImportanceClasses } from "./admission-classes.ts";
import type { RouteGates } from "./admission-gates.ts";
import { type Admitted, AdmissionPass } from "./admission-pass.ts";
import { AdmissionReport } from "./admission-report.ts";
import { type PlacesDeps, UpstreamAdmission } from "./admission-upstream.ts";
import type { InFlight } from "./in-flight.ts";
import { type Memory, MemoryGuard } from "./memory-guard.ts";

export { compileGates, type RouteGates } from "./admission-gates.ts";

export interface AdmissionDeps {
  /** Of all workers. */
  readonly inFlight: InFlight;
  readonly clock: Clock;
  readonly ticker: Ticker;
  /** Added to `clock.now()`, the machine's own: workers then measure an upstream together. See `machineClockOffset`. */
  readonly clockOffsetMs: number;
  readonly memory: Memory;
  event(event: ProxyEvent): void;
}

/** How soon a place that another worker gave back is seen by those who wait here. */
const POLL_MS = 5;
/** Requests between two looks at whether the clock stands still, a power of two; how far behind it may be. */
const LOOK_EVERY = 64;
const LATE_MS = 250;

/**
 * Who may go on to an upstream, and who is refused before it costs anything: limits on what is in flight in the process tree, in
 * a route and at an upstream, the queues before upstreams, and the memory left. Everything is decided in the call, or waits in
 * a bounded queue; nothing is promised. Outlives snapshots.
 */
export class Admissions implements Ticked {
  tickSlot = -1;
  readonly #deps: AdmissionDeps;
  readonly #report: AdmissionReport;
  readonly #memory: MemoryGuard;
  readonly #classes = new ImportanceClasses();
  readonly #places: PlacesDeps;
  readonly #pass: { readonly inFlight: InFlight; readonly clock: Clock; readonly report: AdmissionReport };
  #upstreams = new Map<string, UpstreamAdmission>();
  /** Classes from here on are refused for want of memory. */
  #shedFrom = CLASSES;
  #poll: ReturnType<typeof setTimeout> | null = null;
  #asked = 0;

  constructor(deps: AdmissionDeps) {
    const { inFlight, clock, ticker } = deps;
    this.#deps = deps;
    this.#report = new AdmissionReport(ticker, (event) => deps.event(event));
    this.#memory = new MemoryGuard(deps.memory);
    this.#places = { inFlight, classes: this.#classes, now: () => clock.now() + deps.clockOffsetMs };
    this.#pass = { inFlight, clock, report: this.#report };
    ticker.add(this);
  }

  /** Takes a version into force: what is known of upstreams that stay, stays. */
  update(spec: Pick<SnapshotSpec, "admission" | "upstreams" | "routes">): void {
    const now = this.#deps.clock.now();
    this.#classes.update(spec.routes);
    const old = this.#upstreams;
    this.#upstreams = new Map();
    for (const { name, admission } of spec.upstreams) {
      if (admission === null) continue;
      const known = old.get(name);
      if (known === undefined || known.slot !== admission.gate.slot) {
        this.#upstreams.set(name, new UpstreamAdmission(name, admission, this.#places));
        continue;
      }
      old.delete(name);
      this.#upstreams.set(name, known);
      known.configure(admission);
      known.tick(now);
    }
    // Nobody waits for what is limited no more.
    for (const gone of old.values()) gone.open(now);
    this.#report.forget();
    this.#memory.configure(spec.admission.memory);
    this.#shed();
  }

  /**
   * The first question of all, asked with 0 before anything is done for a request and again when its route is known.
   * @returns why it is refused; null: it may go on
   */
  door(importance: number): GatewayError | null {
    if ((++this.#asked & (LOOK_EVERY - 1)) === 0) this.#catchUp();
    if (importance < this.#shedFrom) return null;
    return this.#report.refusal("memory", "too little is left");
  }

  /**
   * Takes the places a request needs: process, route, upstream. `done` is called once: at once unless it has to wait for a place at
   * the upstream; `done(null)`: it holds them until `exchange.admitted` is released. While it waits `exchange.running` ends the
   * wait, and `done` hears why. `done` must not throw: it may be called from the end of another exchange.
   */
  enter(exchange: Exchange, gates: RouteGates, done: Admitted): void {
    const { inFlight } = this.#deps;
    const { process, route, importance } = gates;
    if (process !== null && !inFlight.tryAcquire(process.slot, this.#classes.placesFor(importance, process.max)))
      return done(this.#report.refusal("process", fullOf(process.max)));
    if (route !== null && !inFlight.tryAcquire(route.slot, route.max)) {
      if (process !== null) inFlight.release(process.slot);
      return done(this.#report.refusal(`route ${gates.routeId}`, fullOf(route.max)));
    }
    const pass = new AdmissionPass(exchange, gates, this.#pass);
    const upstream = gates.upstream === null ? undefined : this.#upstreams.get(gates.upstream);
    if (upstream === undefined) return done(null);
    pass.enter(upstream, done);
    if (upstream.waiting > 0 && inFlight.isShared) this.#pollSoon();
  }

  /**
   * What an adaptive limit learns from: the reply's head arrived, so long after the attempt was sent, or (`dropped`) the attempt
   * timed out or was refused for overload. Told while the request still holds its place.
   */
  observe(upstream: string, latencyMs: number, dropped: boolean): void {
    this.#upstreams.get(upstream)?.observe(latencyMs, dropped);
  }

  onTick(now: number): void {
    if (this.#memory.onTick(now)) this.#shed();
    this.#moveQueues(now);
  }

  /** Who waits, by upstream. */
  get queues(): Array<{ upstream: string; waiting: number }> {
    return [...this.#upstreams].map(([upstream, { waiting }]) => ({ upstream, waiting }));
  }

  /** No queue moves any more but by what ends here. */
  stop(): void {
    this.#deps.ticker.remove(this);
    if (this.#poll !== null) clearTimeout(this.#poll);
    this.#poll = null;
  }

  /**
   * Bun's loop may go on for seconds from one ready socket to the next before it looks at a timer: just then deadlines and the
   * memory must not be forgotten. Not on this stack, for a tick may end anything.
   */
  #catchUp(): void {
    const { clock, ticker } = this.#deps;
    if (clock.now() - ticker.now > LATE_MS) queueMicrotask(() => ticker.tick());
  }

  // Only while somebody waits, and only where others could give back a place.
  #pollSoon(): void {
    if (this.#poll !== null) return;
    this.#poll = setTimeout(() => {
      this.#poll = null;
      if (this.#moveQueues(this.#deps.clock.now())) this.#pollSoon();
    }, POLL_MS);
    this.#poll.unref();
  }

  #moveQueues(now: number): boolean {
    let waiting = false;
    for (const upstream of this.#upstreams.values()) {
      if (upstream.waiting === 0) continue;
      upstream.tick(now);
      if (upstream.waiting > 0) waiting = true;
    }
    return waiting;
  }

  /** Of those who wait, too, the least important go first. */
  #shed(): void {
    const { level } = this.#memory;
    const from = level === "normal" ? CLASSES : level === "shedLow" ? CLASSES - 1 : 0;
    if (from === this.#shedFrom) return;
    this.#shedFrom = from;
    if (from < CLASSES) for (const upstream of this.#upstreams.values()) upstream.shed(from);
  }
}

function fullOf(max: number): string {
  return `no place is free, of ${max}`;
}
