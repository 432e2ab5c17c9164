import type { Answer, Ask, FromWorker, Question, Verb } from "./messages.ts";

/** The worker has ended, or its end of the channel. */
export class WorkerGone extends Error {
  constructor() {
    super("the worker has ended");
  }
}

/** The worker lives and says no. */
export class WorkerRefused extends Error {}

interface Waiting {
  readonly resolve: (answer: never) => void;
  readonly reject: (error: Error) => void;
}

/** The supervisor's end of a channel: questions and their answers, in any order. */
export class Channel {
  readonly #send: (question: Question) => void;
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 1;
  #closed = false;

  constructor(send: (question: Question) => void) {
    this.#send = send;
  }

  /** Rejects with WorkerGone or WorkerRefused. */
  ask<V extends Verb>(verb: V, ask: Ask<V>): Promise<Answer<V>> {
    if (this.#closed) return Promise.reject(new WorkerGone());
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      try {
        this.#send({ id, verb, ask });
      } catch {
        this.close();
      }
    });
  }

  hear(message: Extract<FromWorker, { kind: "answer" | "refused" }>): void {
    const waiting = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if (message.kind === "answer") waiting?.resolve(message.answer as never);
    else waiting?.reject(new WorkerRefused(message.reason));
  }

  /** Nothing more will be answered. */
  close(): void {
    this.#closed = true;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of waiting) reject(new WorkerGone());
  }
}

export type Answers = { readonly [V in Verb]: (ask: Ask<V>) => Answer<V> | Promise<Answer<V>> };

/** The worker's end: each question goes to the answer for its verb. An answer that throws is a refusal. */
export async function answerQuestion(question: Question, answers: Answers): Promise<FromWorker> {
  const { id, verb, ask } = question;
  try {
    // The boundary: the supervisor is the same program, so its messages have the shapes it sends.
    const answer = await (answers[verb] as (ask: unknown) => unknown)(ask);
    return { kind: "answer", id, answer };
  } catch (error) {
    return { kind: "refused", id, reason: error instanceof Error ? error.message : String(error) };
  }
}
