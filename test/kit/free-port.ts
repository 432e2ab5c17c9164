import { createServer } from "node:net";

// Below the ephemeral range, so that no outgoing connection takes a port between its choice and its use.
const LOWEST = 20_000;
const COUNT = 10_000;
let next = LOWEST + Math.floor(Math.random() * COUNT);

/** A port on 127.0.0.1 that nobody listens on; never the same one twice in a process. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < COUNT; tries++) {
    next = next + 1 >= LOWEST + COUNT ? LOWEST : next + 1;
    if (await isFree(next)) return next;
  }
  throw new Error("no free port on 127.0.0.1");
}

/** @returns true when an exclusive bind works. */
export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () => server.close(() => resolve(true)));
  });
}
