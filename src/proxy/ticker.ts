import type { Clock } from "../model/ports.ts";

/** Something with deadlines. It decides itself, at each tick, whether one has passed. */
export interface Ticked {
  /** Owned by the ticker: the place in its list, -1 when not in it. */
  tickSlot: number;
  onTick(now: number): void;
}

/** A tick so many periods after the one before is late. */
const LATE_PERIODS = 3;

/**
 * The coarse clock: one timer drives every timeout, so that a request arms none of its own. Adding and removing are O(1)
 * without allocation. `now` is at most one period old: good enough for timeouts, free to read.
 */
export class Ticker {
  now: number;
  readonly #clock: Clock;
  readonly #members: Ticked[] = [];
  readonly #timer: ReturnType<typeof setInterval> | null;
  readonly #lateMs: number;
  #wasLate = false;

  /** @param periodMs 0: no timer, `tick()` is called from outside (tests). */
  constructor(clock: Clock, periodMs: number) {
    this.#clock = clock;
    this.now = clock.now();
    this.#lateMs = periodMs > 0 ? LATE_PERIODS * periodMs : Number.POSITIVE_INFINITY;
    this.#timer = periodMs > 0 ? setInterval(() => this.tick(), periodMs) : null;
    this.#timer?.unref();
  }

  add(member: Ticked): void {
    if (member.tickSlot >= 0) return;
    member.tickSlot = this.#members.length;
    this.#members.push(member);
  }

  remove(member: Ticked): void {
    const slot = member.tickSlot;
    if (slot < 0) return;
    const last = this.#members.pop()!;
    if (last !== member) {
      this.#members[slot] = last;
      last.tickSlot = slot;
    }
    member.tickSlot = -1;
  }

  tick(): void {
    const before = this.now;
    const now = (this.now = this.#clock.now());
    // It was we who were held up: what has come meanwhile is read before anybody is told that it is late.
    this.#wasLate = !this.#wasLate && now - before > this.#lateMs;
    if (this.#wasLate) return;
    // Backwards: a member that removes itself is replaced by the last one, which has had its turn.
    for (let i = this.#members.length - 1; i >= 0; i--) this.#members[i]?.onTick(now);
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
  }
}
