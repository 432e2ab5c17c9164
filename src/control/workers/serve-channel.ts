import { answerQuestion, type Answers } from "./channel.ts";
import type { FromWorker, Question } from "./messages.ts";

/** This process's channel to whoever started it, where it has one. */
export interface Upward {
  /** Answers from now on. `closed`: the supervisor is gone. */
  serve(answers: Answers, closed: () => void): void;
}

export function upwardChannel(): Upward | null {
  if (process.send === undefined) return null;
  const tell = (message: FromWorker) => {
    if (process.connected) process.send?.(message);
  };
  return {
    serve(answers, closed) {
      process.on("message", (question: Question) => void answerQuestion(question, answers).then(tell));
      process.on("disconnect", closed);
      // The supervisor may have gone before anybody listened.
      if (!process.connected) return closed();
      tell({ kind: "hello" });
    },
  };
}
