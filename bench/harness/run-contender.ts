import { type Contender, missingTools } from "../contenders/contender.ts";
import { type Cores, proxyCores } from "./cores.ts";
import { comesUp, freePort } from "./ports.ts";
import { logTail, type Started, startPinned } from "./processes.ts";
import { BODY_BYTES, type Workspace } from "./workspace.ts";

export interface Surroundings {
  readonly workspace: Workspace;
  readonly originPort: number;
  readonly cores: Cores;
}

export interface Running {
  readonly pid: number;
  readonly port: number;
  readonly url: string;
}

/** A proxy that did not come up, or does not forward: said, and then left out. */
export class ContenderFailed extends Error {}

/** Starts a fresh process of the contender, checks that it forwards, hands it to `use`, and ends its whole tree. */
export async function withContender<T>(
  contender: Contender,
  around: Surroundings,
  use: (running: Running) => Promise<T>,
): Promise<T> {
  const missing = missingTools(contender.tools);
  if (missing !== undefined) throw new ContenderFailed(missing);
  const port = contender.fixedPort ?? freePort();
  const { workspace, originPort, cores } = around;
  const plan = await contender.plan({ workspace, port, originPort });
  const started = startPinned(plan, proxyCores(cores, contender.cores), workspace.file(`${contender.name}.log`));
  try {
    const url = `${contender.scheme}://127.0.0.1:${port}`;
    const failure = (await comesUp(started, port)) ?? (await doesNotForwardYet(url));
    if (failure !== undefined) throw new ContenderFailed(withLog(`${contender.name}: ${failure}`, started));
    return await use({ pid: started.pid, port, url });
  } finally {
    await started.stop();
  }
}

function withLog(message: string, started: Started): string {
  const tail = logTail(started);
  return tail === "" ? `${message} (and it logged nothing)` : `${message}\n${tail}`;
}

/** Who has just come up may close the first connection: Sluice makes sure that an address is free by binding it once. */
async function doesNotForwardYet(url: string): Promise<string | undefined> {
  if ((await doesNotForward(url)) === undefined) return undefined;
  await Bun.sleep(500);
  return doesNotForward(url);
}

async function doesNotForward(url: string): Promise<string | undefined> {
  try {
    const options = { tls: { rejectUnauthorized: false }, signal: AbortSignal.timeout(5_000) };
    const reply = await fetch(`${url}/`, options);
    const { byteLength } = await reply.arrayBuffer();
    if (reply.status === 200 && byteLength === BODY_BYTES["/"]) return undefined;
    return `it answers ${reply.status} with ${byteLength} bytes where the origin's reply was expected`;
  } catch (error) {
    return `it does not answer: ${String(error)}`;
  }
}
