import type { Socket } from "bun";

export interface LoadPlan {
  readonly port: number;
  /** Each target begins with it and ends in a number, the first of which is `from`, or 0. */
  readonly path: string;
  readonly from?: number;
  readonly ratePerSecond: number;
  readonly seconds: number;
  /** "POST" has a body of a few bytes. */
  readonly method: "GET" | "POST";
  readonly maxConnections: number;
}

export interface LoadResult {
  readonly sent: number;
  readonly ok: number;
  /** What became of the others, by status or by what went wrong. */
  readonly failures: ReadonlyMap<string, number>;
  readonly p99Ms: number;
  /** When each request was sent, in their order; ms since the epoch. */
  readonly sentAt: readonly number[];
}

const TURN_MS = 5;
/** To catch up in. */
const GRACE_MS = 1_000;
const PATIENCE_MS = 15_000;

/**
 * Sends requests at a steady rate, whatever becomes of those before, each with a target of its own; a reply counts when it is
 * complete and belongs to its request.
 */
export async function runLoad(plan: LoadPlan): Promise<LoadResult> {
  const load = new Load(plan);
  await load.run();
  return load.result;
}

class Load {
  readonly #plan: LoadPlan;
  readonly #idle: Client[] = [];
  readonly #failures = new Map<string, number>();
  readonly #latencies: number[] = [];
  readonly #sentAt: number[] = [];
  #sent = 0;
  #open = 0;
  #inFlight = 0;
  #ok = 0;

  constructor(plan: LoadPlan) {
    this.#plan = plan;
  }

  async run(): Promise<void> {
    const { ratePerSecond, seconds, maxConnections } = this.#plan;
    const start = performance.now();
    const total = Math.floor(ratePerSecond * seconds);
    const end = start + seconds * 1000 + GRACE_MS;
    while (this.#sent < total && performance.now() < end) {
      const due = Math.min(total, Math.floor(((performance.now() - start) / 1000) * ratePerSecond));
      while (this.#sent < due && (this.#idle.length > 0 || this.#open < maxConnections)) this.#send();
      await Bun.sleep(TURN_MS);
    }
    const deadline = performance.now() + PATIENCE_MS;
    while (this.#inFlight > 0 && performance.now() < deadline) await Bun.sleep(TURN_MS);
    if (this.#inFlight > 0) this.#failures.set("no reply at all", this.#inFlight);
    for (const client of this.#idle) client.close();
  }

  get result(): LoadResult {
    const sorted = this.#latencies.sort((a, b) => a - b);
    const p99Ms = sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN;
    return { sent: this.#sent, ok: this.#ok, failures: this.#failures, p99Ms, sentAt: this.#sentAt };
  }

  #send(): void {
    const { method, path, port, from = 0 } = this.#plan;
    const target = `${path}${from + this.#sent++}`;
    const body = method === "POST" ? "content-length: 4\r\n\r\nbody" : "\r\n";
    let client = this.#idle.pop();
    if (client === undefined) {
      this.#open++;
      client = new Client(port);
    }
    const sentAt = performance.now();
    this.#sentAt.push(Date.now());
    this.#inFlight++;
    const head = `${method} ${target} HTTP/1.1\r\nhost: chaos\r\n`;
    client.ask(head + body, (reply) =>
      this.#answered(client, `ok ${target}`, { reply, ms: performance.now() - sentAt }),
    );
  }

  #answered(client: Client, wanted: string, { reply, ms }: { reply: ClientReply; ms: number }): void {
    this.#inFlight--;
    this.#latencies.push(ms);
    if (client.isClosed) this.#open--;
    else this.#idle.push(client);
    if (reply.status === 200 && reply.body === wanted) {
      this.#ok++;
      return;
    }
    const code = /"code":"(\w+)"/.exec(reply.body)?.[1] ?? (reply.status === 200 ? "another body" : "");
    const what = `${reply.status} ${code}`.trim();
    this.#failures.set(what, (this.#failures.get(what) ?? 0) + 1);
  }
}

interface ClientReply {
  /** 0: the connection ended before a whole reply had come. */
  readonly status: number;
  readonly body: string;
}

/** A kept-alive connection that carries one request at a time. */
class Client {
  isClosed = false;
  #socket: Socket | null = null;
  #received = "";
  #waiting: string | null = null;
  #hear: ((reply: ClientReply) => void) | null = null;

  constructor(port: number) {
    Bun.connect({
      hostname: "127.0.0.1",
      port,
      socket: {
        open: (socket) => {
          this.#socket = socket;
          if (this.#waiting !== null) socket.write(this.#waiting);
        },
        data: (_socket, bytes) => this.#take(bytes.toString("latin1")),
        close: () => this.#lost("closed"),
        error: () => this.#lost("reset"),
      },
    }).catch(() => this.#lost("not connected"));
  }

  ask(text: string, hear: (reply: ClientReply) => void): void {
    this.#hear = hear;
    this.#received = "";
    this.#waiting = text;
    this.#socket?.write(text);
  }

  close(): void {
    this.#hear = null;
    this.#socket?.terminate();
  }

  #take(text: string): void {
    this.#received += text;
    const end = this.#received.indexOf("\r\n\r\n");
    if (end < 0) return;
    const head = this.#received.slice(0, end);
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0);
    if (this.#received.length < end + 4 + length) return;
    const body = this.#received.slice(end + 4, end + 4 + length);
    if (/\r\nconnection: close/i.test(head)) this.isClosed = true;
    this.#tell({ status: Number(head.slice(9, 12)), body });
    if (this.isClosed) this.close();
  }

  #lost(why: string): void {
    this.isClosed = true;
    this.#tell({ status: 0, body: `{"code":"${why}"}` });
  }

  #tell(reply: ClientReply): void {
    const hear = this.#hear;
    this.#hear = null;
    hear?.(reply);
  }
}
