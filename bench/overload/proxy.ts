import { readFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import { comesUp, freePort } from "../harness/ports.ts";
import { logTail, startPinned } from "../harness/processes.ts";
import type { Workspace } from "../harness/workspace.ts";

const COME_UP_MS = 10_000;

/** The proxy has a core of its own; what asks and what answers share the other. */
export const CORES = { proxy: "0", load: "1" };

export interface Proxy {
  readonly port: number;
  readonly pid: number;
  /** Codes of the failures that it told of: the first so many of each kind a second. */
  codes(): string[];
}

/** Starts a Sluice with this configuration (a listener is added) and ends it afterwards. */
export async function withProxy<T>(
  workspace: Workspace,
  configuration: (port: number) => object,
  use: (proxy: Proxy) => Promise<T>,
): Promise<T> {
  const port = freePort();
  const settings = { logging: { level: "warn", access: "off" }, ...configuration(port) };
  const file = workspace.write(`overload-${port}.yaml`, stringify(settings));
  const command = [process.execPath, join(import.meta.dir, "../../src/main.ts"), "start", "--config", file];
  const started = startPinned({ command, cwd: workspace.dir }, CORES.proxy, workspace.file(`proxy-${port}.log`));
  try {
    const failure = (await comesUp(started, port)) ?? (await doesNotForward(port));
    if (failure !== undefined) throw new Error(`the proxy: ${failure}\n${logTail(started)}`);
    const codes = () => codesIn(readFileSync(started.logFile, "utf8"));
    return await use({ port, pid: started.pid, codes });
  } catch (error) {
    throw new Error(`${String(error)}; the proxy ${started.alive() ? "lives" : "has ended"}\n${logTail(started)}`, {
      cause: error,
    });
  } finally {
    await started.stop();
  }
}

/** Its port is bound and let go once before it serves: a connection alone says nothing. */
async function doesNotForward(port: number): Promise<string | undefined> {
  let why = "";
  for (const deadline = Date.now() + COME_UP_MS; Date.now() < deadline; await Bun.sleep(25)) {
    const reply = await fetch(`http://127.0.0.1:${port}/`).catch((error: unknown) => error);
    if (reply instanceof Response && reply.status === 200) return undefined;
    why = reply instanceof Response ? `it answers ${reply.status}` : String(reply);
  }
  return why;
}

function codesIn(log: string): string[] {
  const codes = [...log.matchAll(/"code":"([^"]+)".*"msg":"request.error"/g)].map(([, code]) => code!);
  return [...new Set(codes)].toSorted();
}
