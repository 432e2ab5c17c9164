import { ALL_CONTENDERS, contenderNamed } from "../contenders/all-contenders.ts";
import type { Contender } from "../contenders/contender.ts";
import { givenContender } from "../contenders/given.ts";
import { startOrigin } from "./origin.ts";
import { endChildrenWithUs } from "./processes.ts";
import { type Running, withContender } from "./run-contender.ts";
import { createWorkspace } from "./workspace.ts";

/** A contender by its name, or one of the caller's as `NAME=PORT=COMMAND`. */
export function contenderFrom(text: string): Contender {
  return text.includes("=") ? givenContender(text) : contenderNamed(text, ALL_CONTENDERS);
}

/** One origin and one proxy, for the scripts that watch a single process. */
export async function onStage<T>(contender: Contender, use: (running: Running) => Promise<T>): Promise<T> {
  endChildrenWithUs();
  const cores = { proxy: "0", load: "1" };
  const workspace = createWorkspace();
  const origin = await startOrigin(workspace, cores.load);
  try {
    return await withContender(contender, { workspace, originPort: origin.port, cores }, use);
  } finally {
    await origin.process.stop();
  }
}
