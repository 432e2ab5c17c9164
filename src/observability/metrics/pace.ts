/** How long work goes on before others have their turn. */
export interface Pace {
  /** Monotonic ms. */
  now(): number;
  /** Resolves when everybody else who was waiting has had a turn. */
  rest(): Promise<void>;
}

export const EVENT_LOOP: Pace = {
  now: () => performance.now(),
  rest: () => new Promise((resolve) => setImmediate(resolve)),
};

/** A turn of work: below the 2 ms that a request may have to wait, and then some. */
export const TURN_MS = 1;

/** The event loop's turn that some work has; handed on with the work, so that many short steps do not make a long turn. */
export class Turn {
  readonly #pace: Pace;
  #until: number;

  constructor(pace: Pace) {
    this.#pace = pace;
    this.#until = pace.now() + TURN_MS;
  }

  get isOver(): boolean {
    return this.#pace.now() >= this.#until;
  }

  /** Resolves at the beginning of the next one. */
  async end(): Promise<void> {
    await this.#pace.rest();
    this.#until = this.#pace.now() + TURN_MS;
  }
}

/** Does `work` for each item, in as many turns as it takes. */
export async function inTurns<T>(items: Iterable<T>, work: (item: T) => void, turn: Turn): Promise<void> {
  for (const item of items) {
    work(item);
    if (turn.isOver) await turn.end();
  }
}
