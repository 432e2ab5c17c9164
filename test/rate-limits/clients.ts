import { eventually } from "../kit/eventually.ts";
import { RawClient, type RequestParts } from "../kit/raw-client.ts";
import type { Sluice } from "../kit/sluice.ts";

/** A window that nothing comes back in while a test runs. */
export const LONG = "10d";

/** Kept-alive connections that ask all together; enough that each of four workers has some. */
export class Clients {
  readonly #clients: readonly RawClient[];

  private constructor(clients: readonly RawClient[]) {
    this.#clients = clients;
  }

  static async connect(port: number, count = 64): Promise<Clients> {
    return new Clients(await Promise.all(Array.from({ length: count }, () => RawClient.connect(port))));
  }

  get count(): number {
    return this.#clients.length;
  }

  /** Each asks so often, one request after the other. @returns how many replies of each status came */
  async ask(times: number, parts: RequestParts = {}): Promise<Record<number, number>> {
    const seen: Record<number, number> = {};
    const one = async (client: RawClient) => {
      for (let i = 0; i < times; i++) {
        client.request(parts);
        const { status } = await client.read(parts.method);
        seen[status] = (seen[status] ?? 0) + 1;
      }
    };
    await Promise.all(this.#clients.map(one));
    return seen;
  }

  close(): void {
    for (const client of this.#clients) client.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

interface LogLine {
  readonly msg: string;
  readonly worker?: number;
  readonly reason?: string;
  readonly mode?: string;
  readonly limit?: string;
  readonly by?: string;
  readonly route?: string | null;
  readonly requestId?: string;
}

/** What the log says under one heading, or some. */
export function logged(sluice: Sluice, message: string | RegExp): LogLine[] {
  const whole = sluice.process.stdout.split("\n").slice(0, -1);
  return whole
    .map((line) => JSON.parse(line) as LogLine)
    .filter(({ msg }) => (typeof message === "string" ? msg === message : message.test(msg)));
}

/** @param of only lines about that limit */
export async function eventuallyLogged(
  sluice: Sluice,
  message: string,
  times: number,
  of?: string,
): Promise<LogLine[]> {
  return eventually(`${times} × ${message}`, () => {
    const lines = logged(sluice, message).filter(({ limit }) => of === undefined || limit === of);
    return lines.length >= times ? lines : null;
  });
}
