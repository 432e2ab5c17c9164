import { connect, type Socket } from "node:net";
import { ByteStream, type Ending, Truncated } from "./byte-stream.ts";
import { within } from "./eventually.ts";
import {
  BodyReader,
  type FieldList,
  type Framing,
  framingOf,
  headBytes,
  readHead,
  valueOf,
  valuesOf,
} from "./http-message.ts";

export interface ReplyHead {
  readonly status: number;
  readonly reason: string;
  readonly version: string;
  readonly fields: FieldList;
  readonly framing: Framing;
  readonly body: BodyReader;
  /** The one value of a field or null; throws when it came twice. */
  header(name: string): string | null;
  headers(name: string): string[];
}

export interface FullReply extends Omit<ReplyHead, "body"> {
  readonly body: Buffer;
  readonly text: string;
  readonly trailers: FieldList;
  /** 1xx heads that came before. */
  readonly informational: readonly ReplyHead[];
  json(): Record<string, unknown>;
}

export interface RequestParts {
  readonly method?: string;
  readonly target?: string;
  readonly version?: string;
  /** null: no Host field. */
  readonly host?: string | null;
  readonly fields?: FieldList;
  /** Gets a Content-Length unless `fields` frame it already. */
  readonly body?: string | Buffer;
}

/** An HTTP client that sends exactly the bytes it is given and believes nothing it reads. */
export class RawClient {
  readonly socket: Socket;
  readonly stream: ByteStream;
  readonly port: number;

  private constructor(socket: Socket, port: number) {
    this.socket = socket;
    this.stream = new ByteStream(socket);
    this.port = port;
  }

  static async connect(port: number): Promise<RawClient> {
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    socket.setNoDelay(true);
    await within(
      `a connection to port ${port}`,
      new Promise<void>((resolve, reject) => {
        socket.once("connect", () => resolve());
        socket.once("error", reject);
      }),
    );
    return new RawClient(socket, port);
  }

  /** On a connection that is there already: TLS, or one that said something else first. */
  static over(socket: Socket, port: number): RawClient {
    return new RawClient(socket, port);
  }

  /** How the gateway ended its side. */
  get ended(): Promise<Ending> {
    return within("the connection's end", this.stream.ended);
  }

  send(bytes: string | Buffer): void {
    this.socket.write(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes);
  }

  request(parts: RequestParts): void {
    this.send(requestBytes(this.port, parts));
  }

  /** The next reply's head, 1xx included; its body is read by need. `method` is what was asked. */
  async readHead(method = "GET"): Promise<ReplyHead> {
    const { startLine, fields } = await readHead(this.stream);
    const match = /^HTTP\/(1\.[01]) (\d{3}) ?([\t\x20-\x7e\x80-\xff]*)$/.exec(startLine);
    if (match === null) throw new Error(`bad status line ${JSON.stringify(startLine)}`);
    const status = Number(match[2]);
    const framing = replyFraming(method, status, fields);
    return {
      status,
      reason: match[3]!,
      version: match[1]!,
      fields,
      framing,
      body: new BodyReader(this.stream, framing),
      header: (name) => valueOf(fields, name),
      headers: (name) => valuesOf(fields, name),
    };
  }

  /** The next final reply, whole. @throws Truncated when it is not complete */
  async read(method = "GET"): Promise<FullReply> {
    const informational: ReplyHead[] = [];
    let head = await this.readHead(method);
    for (; head.status < 200; head = await this.readHead(method)) informational.push(head);
    const body = await head.body.all();
    const trailers = head.body.trailers;
    const text = body.toString("utf8");
    return { ...head, body, text, trailers, informational, json: () => JSON.parse(text) as Record<string, unknown> };
  }

  /** FIN: nothing more will be sent. */
  end(): void {
    this.socket.end();
  }

  /** RST. */
  reset(): void {
    this.socket.resetAndDestroy();
  }

  close(): void {
    this.socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }
}

function replyFraming(method: string, status: number, fields: FieldList): Framing {
  if (method === "HEAD" || status < 200 || status === 204 || status === 304) return { kind: "none" };
  return framingOf(fields, { kind: "close" });
}

/** One request as bytes: request line, Host, the given fields, the body. */
export function requestBytes(port: number, parts: RequestParts): Buffer {
  const { method = "GET", target = "/", version = "1.1", host = `127.0.0.1:${port}`, fields = [], body } = parts;
  const framed = fields.some(([name]) => /^(content-length|transfer-encoding)$/i.test(name));
  const bytes = typeof body === "string" ? Buffer.from(body, "latin1") : (body ?? Buffer.alloc(0));
  const all: Array<readonly [string, string]> = host === null ? [] : [["Host", host]];
  all.push(...fields);
  if (body !== undefined && !framed) all.push(["Content-Length", String(bytes.length)]);
  return Buffer.concat([headBytes(`${method} ${target} HTTP/${version}`, all), bytes]);
}

/** One request on a connection of its own. @throws Truncated when the reply is not complete */
export async function ask(port: number, parts: RequestParts = {}): Promise<FullReply> {
  await using client = await RawClient.connect(port);
  client.request(parts);
  return await client.read(parts.method);
}

/** How an exchange that must not look complete ended; fails when the reply was read to a clean end. */
export async function readTruncated(client: RawClient, method = "GET"): Promise<Ending> {
  try {
    const reply = await client.read(method);
    throw new Error(
      `the reply looks complete: ${reply.status} with ${reply.body.length} bytes (${reply.framing.kind})`,
    );
  } catch (error) {
    if (error instanceof Truncated) return error.ending;
    throw error;
  }
}
