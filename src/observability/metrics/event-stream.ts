import { everyQuietly } from "./process-vitals.ts";
import { Ring } from "./ring.ts";

export interface EventStreamOptions {
  /** Clients at once; one more is refused. */
  readonly maxClients?: number;
  /** Events that a client may catch up on. */
  readonly remembered?: number;
  /** Bytes that may wait for a client to read them; who is further behind is let go. */
  readonly maxWaitingBytes?: number;
  readonly heartbeatMs?: number;
  /** Calls `run` every so many ms. @returns ends it */
  readonly every?: (ms: number, run: () => void) => () => void;
  /** What a new client should see without waiting for the next event: the last one, or none. */
  readonly greeting?: "last" | "none";
  readonly newId?: () => string;
}

/** The fields of a reply that carries a stream. */
export const EVENT_STREAM_HEADERS: Readonly<Record<string, string>> = {
  "Content-Type": "text/event-stream; charset=utf-8",
  "Cache-Control": "no-store",
  // nginx and its kin would keep events until there are enough of them.
  "X-Accel-Buffering": "no",
};

const MAX_CLIENTS = 100;
const REMEMBERED = 256;
const MAX_WAITING_BYTES = 65_536;
/** Below the idle timeouts that are common in front of an admin listener, ours included. */
const HEARTBEAT_MS = 8000;

interface Sent {
  readonly number: number;
  readonly text: string;
}

interface Client {
  readonly controller: ReadableStreamDefaultController<Uint8Array>;
}

const encoder = new TextEncoder();

/**
 * Server-sent events for many readers (HTML Living Standard §9.2). A client hears `connected`, then what it has missed since
 * its `Last-Event-ID`, then each event as it happens. Nobody waits for a slow client: it is let go, and may come back.
 */
export class EventStream {
  readonly #options: EventStreamOptions;
  readonly #clients = new Set<Client>();
  readonly #ring: Ring<Sent>;
  /** Ids of another process's stream mean nothing here. */
  readonly #era: string;
  readonly #stopHeartbeat: () => void;
  #last = 0;
  #closed = false;

  constructor(options: EventStreamOptions = {}) {
    this.#options = options;
    this.#ring = new Ring(options.remembered ?? REMEMBERED);
    this.#era = this.#newId().slice(0, 8);
    const beat = () => this.#tell(": heartbeat\n\n");
    this.#stopHeartbeat = (options.every ?? everyQuietly)(options.heartbeatMs ?? HEARTBEAT_MS, beat);
  }

  get clients(): number {
    return this.#clients.size;
  }

  /** @param lastEventId what a client that comes back says. @returns null: there are too many clients, or it is closed */
  open(lastEventId: string | null): ReadableStream<Uint8Array> | null {
    if (this.#closed || this.#clients.size >= (this.#options.maxClients ?? MAX_CLIENTS)) return null;
    let client: Client | null = null;
    const highWaterMark = this.#options.maxWaitingBytes ?? MAX_WAITING_BYTES;
    return new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          client = { controller };
          this.#clients.add(client);
          this.#greet(controller, lastEventId);
        },
        cancel: () => void this.#clients.delete(client!),
      },
      new ByteLengthQueuingStrategy({ highWaterMark }),
    );
  }

  /** Sends an event named `message` to everybody. @param data becomes JSON */
  send(data: unknown): void {
    if (this.#closed) return;
    const number = ++this.#last;
    const text = `event: message\nid: ${this.#era}-${number}\ndata: ${JSON.stringify(data)}\n\n`;
    this.#ring.push({ number, text });
    this.#tell(text);
  }

  /** Ends every stream; nothing more is sent. */
  close(): void {
    this.#closed = true;
    this.#stopHeartbeat();
    for (const client of this.#clients) this.#drop(client);
  }

  #greet(controller: ReadableStreamDefaultController<Uint8Array>, lastEventId: string | null): void {
    const { missed, isGap } = this.#missedSince(lastEventId);
    const greeting = { type: "connected", clientId: this.#newId(), ...(isGap ? { missedEvents: true } : {}) };
    // Without an id: a client that loses the connection now has seen nothing new.
    const text = `event: connected\ndata: ${JSON.stringify(greeting)}\n\n`;
    controller.enqueue(encoder.encode(text + missed.map((event) => event.text).join("")));
  }

  #missedSince(lastEventId: string | null): { missed: readonly Sent[]; isGap: boolean } {
    const isNew = lastEventId === null || lastEventId === "";
    const seen = isNew ? null : this.#numberOf(lastEventId);
    if (seen === null) {
      const { last } = this.#ring;
      const isWelcome = this.#options.greeting === "last" && last !== undefined;
      return { missed: isWelcome ? [last] : [], isGap: !isNew };
    }
    const missed = this.#ring.all.filter(({ number }) => number > seen);
    return { missed, isGap: missed.length < this.#last - seen };
  }

  /** @returns null when this stream never sent it */
  #numberOf(id: string): number | null {
    const [, era, number] = /^([\w]+)-(\d{1,15})$/.exec(id) ?? [];
    return era === this.#era && Number(number) <= this.#last ? Number(number) : null;
  }

  #tell(text: string): void {
    if (this.#clients.size === 0) return;
    const bytes = encoder.encode(text);
    for (const client of this.#clients) {
      const { controller } = client;
      const room = controller.desiredSize ?? 0;
      if (room <= 0) this.#drop(client);
      else controller.enqueue(bytes);
    }
  }

  #drop(client: Client): void {
    this.#clients.delete(client);
    try {
      // It may still read what waits for it, and then knows where to go on.
      client.controller.close();
    } catch {
      // It has gone by itself.
    }
  }

  #newId(): string {
    return (this.#options.newId ?? (() => crypto.randomUUID().replaceAll("-", "")))();
  }
}
