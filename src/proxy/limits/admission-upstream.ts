import type { UpstreamAdmissionSpec } from "../../model/snapshot-spec.ts";
import { AdaptiveConcurrency } from "./adaptive-concurrency.ts";
import { CLASSES, type ImportanceClasses } from "./admission-classes.ts";
import { AdmissionQueue, type Gate, type Waiting } from "./admission-queue.ts";
import type { InFlight } from "./in-flight.ts";

/** What the places at all upstreams have in common. */
export interface PlacesDeps {
  readonly inFlight: InFlight;
  readonly classes: ImportanceClasses;
  /** Monotonic ms, the same in all workers. */
  readonly now: () => number;
}

/**
 * The places at one upstream: the count that all workers share, under the configured limit and under the one that this worker
 * finds by itself, and the queue of those who wait here for one.
 */
export class UpstreamAdmission implements Gate {
  readonly name: string;
  readonly slot: number;
  readonly #queue: AdmissionQueue;
  readonly #deps: PlacesDeps;
  readonly #inFlight: InFlight;
  #max: number;
  #adaptive: AdaptiveConcurrency | null = null;
  #wants = false;

  constructor(name: string, spec: UpstreamAdmissionSpec, deps: PlacesDeps) {
    this.name = name;
    this.slot = spec.gate.slot;
    this.#max = spec.gate.max;
    this.#deps = deps;
    this.#inFlight = deps.inFlight;
    const { max, waitMs } = spec.queue;
    this.#queue = new AdmissionQueue({ gate: this, maxWaiting: max, maxWaitMs: waitMs, classes: CLASSES });
    this.configure(spec);
  }

  /** What is in flight, who waits and what was learned stay. */
  configure({ gate, queue, adaptive }: UpstreamAdmissionSpec): void {
    this.#max = gate.max;
    this.#queue.configure(queue.max, queue.waitMs);
    if (!adaptive) this.#adaptive = null;
    else if (this.#adaptive === null) this.#adaptive = new AdaptiveConcurrency({ max: gate.max, now: this.#deps.now });
    else this.#adaptive.max = gate.max;
  }

  /** Not limited any more. */
  open(now: number): void {
    this.#max = Number.POSITIVE_INFINITY;
    this.#adaptive = null;
    this.tick(now);
  }

  get waiting(): number {
    return this.#queue.waiting;
  }

  admit(entry: Waiting, now: number): "admitted" | "queued" | "refused" {
    const outcome = this.#queue.admit(entry, now);
    if (outcome === "queued") this.#tellOthers();
    return outcome;
  }

  cancel(entry: Waiting): void {
    this.#queue.cancel(entry);
    this.#tellOthers();
  }

  /** Gives back a place; the next one's turn. */
  leave(now: number): void {
    this.#queue.release(now);
    this.#tellOthers();
  }

  /** Others may have given back a place, the limit may have risen, a wait may have ended. */
  tick(now: number): void {
    this.#queue.tick(now);
    this.#tellOthers();
  }

  shed(importance: number): void {
    this.#queue.shed(importance);
    this.#tellOthers();
  }

  observe(latencyMs: number, dropped: boolean): void {
    this.#adaptive?.observe(latencyMs, this.#inFlight.own(this.slot), dropped);
  }

  // ---- the gate that the queue asks ----

  tryAcquire(rank: number): boolean {
    const { classes } = this.#deps;
    if (this.#adaptive !== null && this.#inFlight.own(this.slot) >= classes.placesFor(rank, this.#adaptive.limit))
      return false;
    return this.#inFlight.tryAcquire(this.slot, classes.placesFor(rank, this.#max));
  }

  release(): void {
    this.#inFlight.release(this.slot);
  }

  #tellOthers(): void {
    const wants = this.#queue.waiting > 0;
    if (wants === this.#wants) return;
    this.#wants = wants;
    this.#inFlight.want(this.slot, wants);
  }
}
