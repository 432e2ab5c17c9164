import type { Started } from "./processes.ts";

const COME_UP_MS = 10_000;
const POLL_MS = 25;

/** A TCP port nobody listens on: `preferred` if it is free, else one the kernel picks. */
export function freePort(preferred = 0): number {
  try {
    const probe = Bun.listen({ hostname: "0.0.0.0", port: preferred, exclusive: true, socket: { data() {} } });
    const port = probe.port;
    probe.stop(true);
    return port;
  } catch (error) {
    if (preferred === 0) throw error;
    return freePort();
  }
}

async function accepts(port: number): Promise<boolean> {
  try {
    const socket = await Bun.connect({ hostname: "127.0.0.1", port, socket: { data() {} } });
    socket.end();
    return true;
  } catch {
    return false;
  }
}

/** Why it is not there after 10 s, or undefined when it listens. */
export async function comesUp(started: Started, port: number): Promise<string | undefined> {
  for (const deadline = Date.now() + COME_UP_MS; Date.now() < deadline;) {
    if (!started.alive()) return "it ended at start";
    if (await accepts(port)) return undefined;
    await Bun.sleep(POLL_MS);
  }
  return `nothing listens on its port after ${COME_UP_MS / 1000} s`;
}
