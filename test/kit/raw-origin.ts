import { createServer, type Server, type Socket } from "node:net";
import { ByteStream, type Ending } from "./byte-stream.ts";
import { eventually, within } from "./eventually.ts";
import {
  BodyReader,
  chunk,
  type FieldList,
  framingOf,
  headBytes,
  LAST_CHUNK,
  readHead,
  valueOf,
  valuesOf,
} from "./http-message.ts";

/** What an origin does with a request. It is awaited before the connection's next request is read. */
export type Behaviour = (request: OriginRequest) => void | Promise<void>;

/** An origin on a raw socket: records every byte it gets, answers with exactly the bytes a script says. */
export class RawOrigin {
  readonly port: number;
  readonly connections: OriginConnection[] = [];
  readonly requests: OriginRequest[] = [];
  behaviour: Behaviour = (request) => request.reply();
  readonly #server: Server;

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.port = port;
  }

  static async start(behaviour?: Behaviour): Promise<RawOrigin> {
    const server = createServer({ allowHalfOpen: true, noDelay: true });
    await new Promise<void>((resolve) => server.listen({ port: 0, host: "127.0.0.1", backlog: 4096 }, resolve));
    const origin = new RawOrigin(server, (server.address() as { port: number }).port);
    if (behaviour !== undefined) origin.behaviour = behaviour;
    server.on("connection", (socket) => {
      const connection = new OriginConnection(socket, origin);
      origin.connections.push(connection);
      void connection.serve();
    });
    return origin;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** The nth request ever received (0 is the first). */
  async request(index = 0): Promise<OriginRequest> {
    return eventually(`request ${index} at the origin`, () => this.requests[index]);
  }

  /** The only request received; fails when there were none or more. */
  get only(): OriginRequest {
    if (this.requests.length !== 1) {
      throw new Error(`the origin got ${this.requests.length} requests: ${this.requests.map((r) => r.target)}`);
    }
    return this.requests[0]!;
  }

  /** Every byte of every connection. */
  get received(): string {
    return this.connections.map((connection) => connection.stream.received.toString("latin1")).join("\n--\n");
  }

  /** A new script and an empty record, for the next test on the same address. */
  restart(behaviour: Behaviour = (request) => request.reply()): void {
    for (const connection of this.connections) connection.socket.destroy();
    this.connections.length = 0;
    this.requests.length = 0;
    this.behaviour = behaviour;
  }

  async stop(): Promise<void> {
    for (const connection of this.connections) connection.socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

export class OriginConnection {
  readonly socket: Socket;
  readonly stream: ByteStream;
  /** What came that is not HTTP/1.1, when anything did. */
  garbage: unknown = null;
  readonly #origin: RawOrigin;

  constructor(socket: Socket, origin: RawOrigin) {
    this.socket = socket;
    this.stream = new ByteStream(socket);
    this.#origin = origin;
  }

  /** How the proxy ended this connection. */
  get ended(): Promise<Ending> {
    return within("the end of the origin's connection", this.stream.ended);
  }

  async serve(): Promise<void> {
    try {
      while (!this.socket.destroyed && !this.socket.writableEnded) await this.#serveOne();
    } catch (error) {
      // A proxy that goes away between two requests is no garbage.
      if (this.stream.ending === null || this.stream.unread.length > 0) this.garbage = error;
      this.socket.destroy();
    }
  }

  async #serveOne(): Promise<void> {
    const head = await readHead(this.stream);
    const match = /^(\S+) (\S+) HTTP\/(1\.[01])$/.exec(head.startLine);
    if (match === null) throw new Error(`bad request line ${JSON.stringify(head.startLine)}`);
    const request = new OriginRequest(
      this,
      match as unknown as [string, string, string, string],
      head.fields,
      head.raw,
    );
    this.#origin.requests.push(request);
    await this.#origin.behaviour(request);
    if (!request.upgraded) await request.body.all();
    else await this.stream.ended;
  }
}

export interface ReplyParts {
  readonly status?: number;
  readonly reason?: string;
  readonly fields?: FieldList;
  /** Gets a Content-Length unless `fields` frame it already; null: none, and no length. */
  readonly body?: string | Buffer | null;
}

export class OriginRequest {
  readonly connection: OriginConnection;
  readonly method: string;
  readonly target: string;
  readonly version: string;
  readonly fields: FieldList;
  readonly rawHead: Buffer;
  readonly body: BodyReader;
  /** Set by a script that takes the connection over. */
  upgraded = false;

  constructor(connection: OriginConnection, line: [string, string, string, string], fields: FieldList, raw: Buffer) {
    this.connection = connection;
    [, this.method, this.target, this.version] = line;
    this.fields = fields;
    this.rawHead = raw;
    this.body = new BodyReader(connection.stream, framingOf(fields, { kind: "none" }));
  }

  /** The one value of a field or null; throws when it came twice. */
  header(name: string): string | null {
    return valueOf(this.fields, name);
  }

  headers(name: string): string[] {
    return valuesOf(this.fields, name);
  }

  write(bytes: string | Buffer): void {
    this.connection.socket.write(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes);
  }

  writeChunk(data: string | Buffer): void {
    this.write(chunk(data));
  }

  endChunks(): void {
    this.write(LAST_CHUNK);
  }

  /** A head alone; nothing is added to it. */
  head(status: number, fields: FieldList = [], reason = "OK"): void {
    this.write(headBytes(`HTTP/1.1 ${status} ${reason}`, fields));
  }

  reply(parts: ReplyParts = {}): void {
    const { status = 200, reason = "OK", fields = [], body = "" } = parts;
    const bytes = typeof body === "string" ? Buffer.from(body, "latin1") : body;
    const framed = fields.some(([name]) => /^(content-length|transfer-encoding)$/i.test(name));
    const bare = status === 204 || status === 304 || framed || bytes === null;
    const all: FieldList = bare ? fields : [...fields, ["Content-Length", String(bytes.length)]];
    this.head(status, all, reason);
    if (bytes !== null && bytes.length > 0 && this.method !== "HEAD") this.write(bytes);
  }

  /** FIN. */
  end(): void {
    this.connection.socket.end();
  }

  /** RST. */
  reset(): void {
    this.connection.socket.resetAndDestroy();
  }

  /** FIN both ways, at once. */
  close(): void {
    this.connection.socket.end();
    this.connection.socket.destroy();
  }

  /** Settles when the proxy has ended this connection. */
  get aborted(): Promise<Ending> {
    return this.connection.ended;
  }
}
