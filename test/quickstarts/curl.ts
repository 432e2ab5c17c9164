import { type FullReply, RawClient } from "../kit/raw-client.ts";

/** A request as `curl` would send it, so that a line from somebody's notes can be tried as it stands there. */
export interface CurlRequest {
  readonly method: string;
  readonly url: URL;
  readonly fields: ReadonlyArray<readonly [string, string]>;
  readonly body: string | null;
}

/** Understands `-X`, `-H`, `-d`, quotes, `\` at the end of a line, and comments. */
export function readCurl(line: string): CurlRequest {
  const [command, ...words] = wordsOf(line);
  if (command !== "curl") throw new Error(`not a curl line: ${line}`);
  const headers: Array<readonly [string, string]> = [];
  let method: string | null = null;
  let body: string | null = null;
  let url: URL | null = null;
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (word === "-X") method = words.shift()!;
    else if (word === "-d") body = words.shift()!;
    else if (word === "-H") {
      const [name = "", ...rest] = words.shift()!.split(":");
      headers.push([name, rest.join(":").trim()]);
    } else if (word.startsWith("-")) throw new Error(`${word} is not understood here: ${line}`);
    else url = new URL(word);
  }
  if (url === null) throw new Error(`no URL: ${line}`);
  const typed = headers.some(([name]) => name.toLowerCase() === "content-type");
  const form = [["Content-Type", "application/x-www-form-urlencoded"]] as const;
  return {
    method: method ?? (body === null ? "GET" : "POST"),
    url,
    fields: [["User-Agent", "curl/8.5.0"], ["Accept", "*/*"], ...headers, ...(body === null || typed ? [] : form)],
    body,
  };
}

/** Sends the line to 127.0.0.1. @param ports what stands in for the ports it names */
export async function curl(line: string, ports: Readonly<Record<number, number>> = {}): Promise<FullReply> {
  let text = line;
  for (const [named, real] of Object.entries(ports)) text = text.replaceAll(`:${named}`, `:${real}`);
  const { method, url, fields, body } = readCurl(text);
  await using client = await RawClient.connect(Number(url.port));
  const target = url.pathname + url.search;
  client.request({ method, target, host: url.host, fields, ...(body === null ? {} : { body }) });
  return await client.read(method);
}

function wordsOf(line: string): string[] {
  const token = /\\\n|\s+|#[^\n]*|'([^']*)'|"([^"]*)"|([^\s'"\\#]+)/gy;
  const words: string[] = [];
  for (const [whole, single, double, plain] of line.matchAll(token)) {
    if (single !== undefined || double !== undefined || plain !== undefined) words.push(single ?? double ?? plain!);
    else if (!/^(?:\s|\\|#)/.test(whole)) throw new Error(`cannot read ${JSON.stringify(whole)}`);
  }
  return words;
}
