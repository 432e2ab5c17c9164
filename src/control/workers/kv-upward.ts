import type { KvAnswer, KvOperation, KvOutcome } from "./messages.ts";

interface Waiting {
  readonly operation: KvOperation;
  readonly resolve: (outcome: KvOutcome) => void;
  readonly reject: (error: Error) => void;
}

/** More waiting than these means that the supervisor does not follow: memory must not grow with it. */
const MOST_WAITING = 10_000;

/** A worker's end of the store that its supervisor keeps. What is asked in one turn of the event loop goes up in one message. */
export class KvUpward {
  readonly #send: (message: { id: number; operations: readonly KvOperation[] }) => void;
  readonly #sent = new Map<number, readonly Waiting[]>();
  #next: Waiting[] = [];
  #waiting = 0;
  #lastId = 0;
  #closed = false;

  constructor(send: (message: { id: number; operations: readonly KvOperation[] }) => void) {
    this.#send = send;
  }

  run(operation: KvOperation): Promise<KvOutcome> {
    if (this.#closed) return Promise.reject(gone());
    if (this.#waiting >= MOST_WAITING)
      return Promise.reject(new Error(`kv: the supervisor does not follow: ${MOST_WAITING} operations wait for it`));
    this.#waiting++;
    return new Promise((resolve, reject) => {
      if (this.#next.push({ operation, resolve, reject }) === 1) setImmediate(() => this.#flush());
    });
  }

  hear({ id, results }: KvAnswer): void {
    const batch = this.#sent.get(id);
    if (batch === undefined) return;
    this.#sent.delete(id);
    this.#waiting -= batch.length;
    for (const [i, { resolve, reject }] of batch.entries()) {
      const result = results[i]!;
      if ("error" in result) reject(new Error(result.error));
      else resolve(result.outcome);
    }
  }

  /** The supervisor is gone: nothing more will be answered. */
  close(): void {
    this.#closed = true;
    const waiting = [...this.#sent.values(), this.#next].flat();
    this.#sent.clear();
    this.#next = [];
    for (const { reject } of waiting) reject(gone());
  }

  #flush(): void {
    const batch = this.#next;
    if (batch.length === 0) return;
    this.#next = [];
    const id = ++this.#lastId;
    this.#sent.set(id, batch);
    try {
      this.#send({ id, operations: batch.map(({ operation }) => operation) });
    } catch {
      this.close();
    }
  }
}

function gone(): Error {
  return new Error("kv: the supervisor, which keeps it, is gone");
}
