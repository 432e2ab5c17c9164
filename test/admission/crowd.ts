import { eventually, Gate, within } from "../kit/eventually.ts";
import { ask, type FullReply, RawClient, type RequestParts } from "../kit/raw-client.ts";
import { type OriginRequest, RawOrigin } from "../kit/raw-origin.ts";

export const EDGES = ["wire", "serve"] as const;

/** An origin that keeps every request until it is told to answer, but for `/free`. */
export class HoldingOrigin {
  readonly origin: RawOrigin;
  /** Requests that it has now, in the order they came. */
  readonly held: OriginRequest[] = [];
  /** The most it ever had at once. */
  most = 0;
  /** All it ever got, by target. */
  readonly got: string[] = [];
  readonly #gates = new Map<OriginRequest, Gate>();

  private constructor(origin: RawOrigin) {
    this.origin = origin;
    origin.behaviour = (request) => this.#take(request);
  }

  static async start(): Promise<HoldingOrigin> {
    return new HoldingOrigin(await RawOrigin.start());
  }

  get url(): string {
    return this.origin.url;
  }

  async holds(count: number): Promise<void> {
    await eventually(
      `${count} requests at the origin, which has ${this.held.length}`,
      () => this.held.length === count,
    );
  }

  /** Answers the nth that it has. */
  answer(index = 0): void {
    this.#gates.get(this.held[index]!)!.open();
  }

  answerAll(): void {
    for (const request of this.held) this.#gates.get(request)!.open();
  }

  async #take(request: OriginRequest): Promise<void> {
    if (request.target === "/free") return request.reply();
    const gate = new Gate();
    this.held.push(request);
    this.got.push(request.target);
    this.#gates.set(request, gate);
    this.most = Math.max(this.most, this.held.length);
    const isAnswered = await Promise.race([
      gate.opened.then(() => true),
      request.connection.stream.ended.then(() => false),
    ]);
    this.held.splice(this.held.indexOf(request), 1);
    this.#gates.delete(request);
    if (isAnswered) request.reply({ body: request.target });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.origin.stop();
  }
}

/** A request that has been sent. */
export class Sent {
  readonly client: RawClient;
  reply: FullReply | null = null;
  readonly #read: Promise<unknown>;

  private constructor(client: RawClient) {
    this.client = client;
    this.#read = client.read().then(
      (reply) => (this.reply = reply),
      () => null,
    );
  }

  static async to(port: number, parts: RequestParts): Promise<Sent> {
    const client = await RawClient.connect(port);
    client.request(parts);
    return new Sent(client);
  }

  async answered(): Promise<FullReply> {
    await within("an answer", this.#read);
    if (this.reply === null) throw new Error("the connection ended without an answer");
    return this.reply;
  }

  [Symbol.dispose](): void {
    this.client.close();
  }
}

/** Sends one and waits until the proxy has decided what becomes of it: two others have gone their whole way meanwhile. */
export async function send(port: number, target: string, parts: RequestParts = {}): Promise<Sent> {
  const sent = await Sent.to(port, { target, ...parts });
  for (let i = 0; i < 2; i++) await ask(port, { target: "/free" });
  return sent;
}

/**
 * How many requests go on to the origin at once: one after another is sent until `misses` were refused. What was sent is answered
 * before this returns, so the next count begins at nothing.
 */
export async function places(port: number, target: string, origin: HoldingOrigin, misses = 2): Promise<number> {
  await origin.holds(0);
  const all: Sent[] = [];
  let count = 0;
  for (let refused = 0; refused < misses;) {
    const sent = await Sent.to(port, { target });
    all.push(sent);
    const before = count;
    await eventually(`what becomes of request ${all.length}`, () => origin.held.length > before || sent.reply !== null);
    if (sent.reply === null) count++;
    else if (sent.reply.status === 503) refused++;
    else throw new Error(`unexpected ${sent.reply.status}: ${sent.reply.text}`);
  }
  origin.answerAll();
  for (const sent of all) await sent.answered();
  for (const sent of all) sent.client.close();
  return count;
}
