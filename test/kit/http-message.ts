import { type ByteStream, Truncated } from "./byte-stream.ts";

/**
 * A small strict reader of HTTP/1.1 messages for both sides of the proxy, independent of the product's codec on purpose:
 * what the proxy writes must be right for somebody who never saw its source.
 */
export type FieldList = ReadonlyArray<readonly [name: string, value: string]>;

export interface Head {
  readonly startLine: string;
  readonly fields: FieldList;
  readonly raw: Buffer;
}

export type Framing = { kind: "none" } | { kind: "length"; length: number } | { kind: "chunked" } | { kind: "close" };

const FIELD = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*$/;

/** @throws Truncated, or an Error that says what is not HTTP/1.1 */
export async function readHead(stream: ByteStream): Promise<Head> {
  const raw = Buffer.from(await stream.readUntil("\r\n\r\n"));
  const [startLine = "", ...lines] = raw.toString("latin1", 0, raw.length - 4).split("\r\n");
  if (/[\r\n\0]/.test(startLine)) throw new Error(`bad start line ${JSON.stringify(startLine)}`);
  return { startLine, fields: lines.map(readField), raw };
}

function readField(line: string): readonly [string, string] {
  const match = FIELD.exec(line);
  if (match === null) throw new Error(`bad field line ${JSON.stringify(line)}`);
  return [match[1]!, match[2]!];
}

/** The values of `name`, in order, case-insensitively. */
export function valuesOf(fields: FieldList, name: string): string[] {
  const lower = name.toLowerCase();
  return fields.filter(([field]) => field.toLowerCase() === lower).map(([, value]) => value);
}

/** The one value of `name`, or null; more than one is an error. */
export function valueOf(fields: FieldList, name: string): string | null {
  const values = valuesOf(fields, name);
  if (values.length > 1) throw new Error(`${name} came ${values.length} times: ${JSON.stringify(values)}`);
  return values[0] ?? null;
}

/** How many bytes follow a head (RFC 9112 §6.3); anything with two readings throws. */
export function framingOf(fields: FieldList, otherwise: Framing): Framing {
  const codings = valuesOf(fields, "transfer-encoding");
  const lengths = valuesOf(fields, "content-length");
  if (codings.length > 0) {
    if (lengths.length > 0) throw new Error("both Transfer-Encoding and Content-Length");
    if (codings.length > 1 || codings[0]!.toLowerCase() !== "chunked") throw new Error(`Transfer-Encoding: ${codings}`);
    return { kind: "chunked" };
  }
  if (lengths.length === 0) return otherwise;
  if (lengths.length > 1 || !/^\d{1,15}$/.test(lengths[0]!)) throw new Error(`Content-Length: ${lengths}`);
  return { kind: "length", length: Number(lengths[0]) };
}

/** The bytes of one message's body, part by part as they arrive. */
export class BodyReader {
  trailers: FieldList = [];
  /** Sizes of the chunks as framed; for bodies that came chunked. */
  readonly chunkSizes: number[] = [];
  readonly #stream: ByteStream;
  readonly #framing: Framing;
  #left = 0;
  #done = false;

  constructor(stream: ByteStream, framing: Framing) {
    this.#stream = stream;
    this.#framing = framing;
    if (framing.kind === "length") this.#left = framing.length;
    if (framing.kind === "none" || (framing.kind === "length" && framing.length === 0)) this.#done = true;
  }

  /** The next bytes, or null at the end. @throws Truncated */
  async next(): Promise<Buffer | null> {
    if (this.#done) return null;
    const part = await this.#read();
    if (part === null) this.#done = true;
    return part;
  }

  /** Everything that is left. @throws Truncated */
  async all(): Promise<Buffer> {
    const parts: Buffer[] = [];
    for (let part = await this.next(); part !== null; part = await this.next()) parts.push(part);
    return Buffer.concat(parts);
  }

  /** At least `text`, read part by part: proves that it arrived although the body has not ended. */
  async until(text: string): Promise<string> {
    let got = "";
    while (!got.includes(text)) {
      const part = await this.next();
      if (part === null) throw new Error(`the body ended without ${JSON.stringify(text)}: ${JSON.stringify(got)}`);
      got += part.toString("latin1");
    }
    return got;
  }

  async #read(): Promise<Buffer | null> {
    if (this.#framing.kind === "close") return this.#stream.readSome();
    if (this.#framing.kind === "chunked" && this.#left === 0) await this.#nextChunk();
    if (this.#left === 0) return null;
    const part = await this.#stream.readSome(this.#left);
    if (part === null) throw new Truncated("fin", `${this.#left} more bytes of the body`, this.#stream.unread);
    this.#left -= part.length;
    if (this.#framing.kind === "chunked" && this.#left === 0) await this.#expectLineEnd();
    return part;
  }

  async #nextChunk(): Promise<void> {
    const line = (await this.#stream.readUntil("\r\n")).toString("latin1").slice(0, -2);
    if (!/^[0-9a-fA-F]{1,8}$/.test(line)) throw new Error(`bad chunk size line ${JSON.stringify(line)}`);
    this.#left = parseInt(line, 16);
    this.chunkSizes.push(this.#left);
    if (this.#left === 0) await this.#readTrailers();
  }

  async #expectLineEnd(): Promise<void> {
    const end = await this.#stream.readExactly(2);
    if (end.toString("latin1") !== "\r\n")
      throw new Error(`a chunk ends with ${JSON.stringify(end.toString("latin1"))}`);
  }

  async #readTrailers(): Promise<void> {
    const trailers: Array<readonly [string, string]> = [];
    for (;;) {
      const line = (await this.#stream.readUntil("\r\n")).toString("latin1").slice(0, -2);
      if (line === "") break;
      trailers.push(readField(line));
    }
    this.trailers = trailers;
  }
}

/** A head as bytes; values may hold obs-text (one byte a character). */
export function headBytes(startLine: string, fields: FieldList): Buffer {
  const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  return Buffer.from(`${startLine}\r\n${lines}\r\n`, "latin1");
}

/** One chunk of chunked coding. */
export function chunk(data: string | Buffer): Buffer {
  const bytes = typeof data === "string" ? Buffer.from(data, "latin1") : data;
  return Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from("\r\n")]);
}

export const LAST_CHUNK = Buffer.from("0\r\n\r\n");
