import type { ProxyEvent } from "../model/ports.ts";
import { TypeBudget } from "./type-budget.ts";

export type EventType = ProxyEvent["type"];

/** The events of some types, with what those carry. */
export type EventOf<T extends EventType> = ProxyEvent extends infer E
  ? E extends { type: EventType }
    ? [T & E["type"]] extends [never]
      ? never
      : E & { type: T }
    : never
  : never;

/** Called in the middle of a request: it must be quick, and does later what takes time. */
export type EventListener<T extends EventType = EventType> = (event: EventOf<T>) => void;

export interface EventBusOptions {
  /** Of each type, told in a second; as many may come at once. */
  readonly perSecond?: number;
  /** Monotonic ms. */
  readonly now?: () => number;
  /** Runs something later without keeping the process alive. */
  readonly later?: (run: () => void, ms: number) => void;
}

const PER_SECOND = 20;

interface Subscription {
  readonly types: ReadonlySet<EventType> | null;
  readonly listener: EventListener;
}

/**
 * What happened, for whoever listens in this process. A storm of failures must not become a storm of telling: of each type only so
 * many are told in a second, and how many were not is an event of its own. A listener that throws harms nobody else.
 */
export class EventBus {
  readonly #budget: TypeBudget;
  // Replaced and never changed: a listener may come or go while one is told.
  #subscriptions: readonly Subscription[] = [];

  constructor({ perSecond = PER_SECOND, now = monotonic, later = afterwards }: EventBusOptions = {}) {
    const dropped = (of: string, count: number) => this.#tell({ type: "events.dropped", of, count }, null);
    this.#budget = new TypeBudget(perSecond, { now, later, dropped });
  }

  /** @param types null: all. @returns takes the subscription back */
  subscribe<T extends EventType>(types: readonly T[] | null, listener: EventListener<T>): () => void {
    const subscription: Subscription = {
      types: types === null ? null : new Set<EventType>(types),
      listener: listener as unknown as EventListener,
    };
    this.#subscriptions = [...this.#subscriptions, subscription];
    return () => {
      this.#subscriptions = this.#subscriptions.filter((each) => each !== subscription);
    };
  }

  publish(event: ProxyEvent): void {
    if (this.#budget.take(event.type)) this.#tell(event, null);
  }

  /** As `publish`, where making the event costs something: `make` is called only when somebody will hear of it. */
  offer<A>(type: EventType, make: (about: A) => ProxyEvent, about: A): void {
    if (this.#subscriptions.length > 0 && this.#budget.take(type)) this.#tell(make(about), null);
  }

  /** @param except the listener that this is about */
  #tell(event: ProxyEvent, except: Subscription | null): void {
    for (const subscription of this.#subscriptions) {
      const { types, listener } = subscription;
      if (subscription === except || (types !== null && !types.has(event.type))) continue;
      try {
        const result: unknown = listener(event as never);
        if (result instanceof Promise) result.catch((error: unknown) => this.#failed(subscription, except, error));
      } catch (error) {
        this.#failed(subscription, except, error);
      }
    }
  }

  #failed(subscription: Subscription, except: Subscription | null, error: unknown): void {
    // A second listener that fails over the failure of the first has nobody left to tell.
    if (except !== null || !this.#budget.take("internal")) return;
    this.#tell({ type: "internal", where: "event listener", error }, subscription);
  }
}

function monotonic(): number {
  return performance.now();
}

function afterwards(run: () => void, ms: number): void {
  setTimeout(run, ms).unref();
}
