import "../../contract/running-contract.ts";
import { PluginDescriber, type ImportShipped } from "./describe.ts";
import type { ConfigureAsk, FromWorkshop, LoadAsk, WorkshopQuestion } from "./dialogue.ts";

/** The workshop's end of the channel. @returns when whoever asked is gone; null: nobody is there to ask */
export function serveWorkshop(importShipped: ImportShipped): Promise<void> | null {
  if (process.send === undefined) return null;
  const describer = new PluginDescriber(importShipped);
  // What a plugin leaves behind when it is imported (a rejected promise, a throwing timer) is no reason to end.
  process.on("uncaughtException", () => undefined);
  process.on("unhandledRejection", () => undefined);
  const tell = (message: FromWorkshop) => {
    if (process.connected) process.send?.(message);
  };
  process.on("message", (question: WorkshopQuestion) => void answer(describer, question).then(tell));
  tell({ kind: "ready" });
  return new Promise((resolve) => process.on("disconnect", resolve));
}

async function answer(describer: PluginDescriber, { id, verb, ask }: WorkshopQuestion): Promise<FromWorkshop> {
  try {
    // The boundary: who asks is the same program, so its messages have the shapes it sends.
    const said = verb === "load" ? describer.load(ask as LoadAsk) : describer.configure(ask as ConfigureAsk);
    return { kind: "answer", id, answer: await said };
  } catch (error) {
    return { kind: "refused", id, reason: error instanceof Error ? error.message : String(error) };
  }
}
