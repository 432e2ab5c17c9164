export interface Heard {
  readonly event: string;
  readonly id: string | null;
  readonly data: Record<string, unknown>;
}

/** One client of a stream, reading as an EventSource does. */
export class Reader {
  readonly #chunks: { read(): Promise<{ value?: Uint8Array; done: boolean }>; cancel(): Promise<void> };
  #text = "";
  heartbeats = 0;

  constructor(stream: ReadableStream<Uint8Array> | null) {
    this.#chunks = stream!.getReader();
  }

  /** null: the stream has ended. */
  async next(): Promise<Heard | null> {
    for (;;) {
      const end = this.#text.indexOf("\n\n");
      if (end < 0) {
        const { value, done } = await this.#chunks.read();
        if (done) return null;
        this.#text += Buffer.from(value!).toString();
        continue;
      }
      const block = this.#text.slice(0, end);
      this.#text = this.#text.slice(end + 2);
      if (block.startsWith(":")) this.heartbeats++;
      else return parse(block);
    }
  }

  leave(): Promise<void> {
    return this.#chunks.cancel();
  }
}

function parse(block: string): Heard {
  const fields = new Map(block.split("\n").map((line) => line.split(/: (.*)/s, 2) as [string, string]));
  return { event: fields.get("event")!, id: fields.get("id") ?? null, data: JSON.parse(fields.get("data")!) };
}

/** Timers that a test runs. */
export class Timers {
  readonly #all: Array<{ ms: number; run: () => void }> = [];
  readonly every = (ms: number, run: () => void) => {
    const timer = { ms, run };
    this.#all.push(timer);
    return () => void this.#all.splice(this.#all.indexOf(timer), 1);
  };

  run(ms: number): void {
    for (const timer of [...this.#all]) if (timer.ms === ms) timer.run();
  }

  get count(): number {
    return this.#all.length;
  }
}
