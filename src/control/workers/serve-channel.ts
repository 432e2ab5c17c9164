import type { ProxyEvent } from "../../model/ports.ts";
import { answerQuestion, type Answers } from "./channel.ts";
import { KvUpward } from "./kv-upward.ts";
import type { FromWorker, KvOperation, KvOutcome, ToWorker } from "./messages.ts";

/** This process's channel to whoever started it, where it has one. */
export interface Upward {
  /** Answers from now on. `closed`: the supervisor is gone. */
  serve(answers: Answers, closed: () => void): void;
  /** What plugins keep is the supervisor's. Rejects when it is gone. */
  readonly kv: { run(operation: KvOperation): Promise<KvOutcome> };
  /** For whoever listens to all workers. */
  report(event: ProxyEvent): void;
}

export function upwardChannel(): Upward | null {
  if (process.send === undefined) return null;
  const tell = (message: FromWorker) => {
    if (process.connected) process.send?.(message);
  };
  const kv = new KvUpward((message) => tell({ kind: "kv", ...message }));
  return {
    kv,
    report: (event) => tell({ kind: "event", event }),
    serve(answers, closed) {
      const gone = () => {
        kv.close();
        closed();
      };
      process.on("message", (message: ToWorker) => {
        if ("kind" in message) kv.hear(message);
        else void answerQuestion(message, answers).then(tell);
      });
      process.on("disconnect", gone);
      // The supervisor may have gone before anybody listened.
      if (!process.connected) return gone();
      tell({ kind: "hello" });
    },
  };
}
