import { readFileSync } from "node:fs";
import { eventually } from "../kit/eventually.ts";
import { RawClient } from "../kit/raw-client.ts";
import type { Config, Sluice } from "../kit/sluice.ts";

/** Two workers that answer by themselves and log every request. */
export const GREETING: Config = {
  workers: 2,
  routes: [{ name: "greeting", path: "/*", respond: { status: 200, body: "hello" } }],
  logging: { access: "all" },
};

/** Two workers before one origin. */
export function forwarding(origin: string, more: Config = {}): Config {
  return {
    workers: 2,
    upstreams: [{ name: "origin", url: origin }],
    routes: [{ name: "all", path: "/*", upstream: "origin" }],
    logging: { access: "all" },
    ...more,
  };
}

/** The pids of a process's children. */
export function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "latin1");
  return text.split(" ").filter(Boolean).map(Number);
}

export function isAlive(pid: number): boolean {
  try {
    // A killed process whose parent has not asked for its end yet is a zombie.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "latin1"));
  } catch {
    return false;
  }
}

/** The place of the worker with this pid, as its command line says it. */
export function placeOf(pid: number): number {
  const words = readFileSync(`/proc/${pid}/cmdline`, "latin1").split("\0");
  return Number(words[words.indexOf("worker") + 1]);
}

/** Another program on a port, ready to share it: whoever binds it like that succeeds silently. */
export function sharedListener(port: number): { stop(): void } {
  // Bun's types lack reusePort here.
  return Bun.listen({ hostname: "127.0.0.1", port, reusePort: true, socket: { data: () => undefined } } as never);
}

interface AccessLine {
  readonly worker: number;
  readonly target: string;
}

/** The access log so far. @throws when a line is not whole */
export function accessLines(sluice: Sluice): AccessLine[] {
  const whole = sluice.process.stdout.split("\n").slice(0, -1);
  return whole.map((line) => JSON.parse(line) as AccessLine & { msg: string }).filter(({ msg }) => msg === "request");
}

/** A keep-alive connection and the place of the worker that holds it. */
export interface Held {
  readonly client: RawClient;
  readonly place: number;
}

/** Connections until every one of `places` holds at least two. */
export async function connectToAll(sluice: Sluice, places: readonly number[]): Promise<Held[]> {
  const held: Held[] = [];
  const lacks = () => places.some((place) => held.filter((one) => one.place === place).length < 2);
  while (lacks()) {
    const client = await RawClient.connect(sluice.port);
    const target = `/connection-${held.length}-${crypto.randomUUID()}`;
    client.request({ target });
    await client.read();
    const line = await eventually(`the log of ${target}`, () =>
      accessLines(sluice).find((one) => one.target === target),
    );
    held.push({ client, place: line.worker });
  }
  return held;
}

/** Asks again and again until told to stop. @returns how many replies came; fails with the first that does not */
export async function askUntil(client: RawClient, stopped: () => boolean): Promise<number> {
  let replies = 0;
  while (!stopped()) {
    client.request({ target: "/load" });
    const { status } = await client.read();
    if (status !== 200) throw new Error(`got ${status}`);
    replies++;
  }
  return replies;
}
