import { Problem } from "./problem.ts";

export type JsonObject = Record<string, unknown>;

/** More than the store keeps of one object is never read. */
const MAX_JSON_BYTES = 1024 * 1024;
/** Of a whole configuration. */
const MAX_YAML_BYTES = 3 * 1024 * 1024;
/** Deeper than any configuration. */
const DEEPEST = 64;

/** The body as a JSON object, whatever Content-Type says: people call this with curl. @throws Problem */
export async function jsonBody(request: Request): Promise<JsonObject> {
  const value = parse(await textOf(request, MAX_JSON_BYTES));
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw bad("the body is a JSON object");
  if (isTooDeep(value, DEEPEST)) throw bad(`the body is more than ${DEEPEST} levels deep`);
  return value as JsonObject;
}

/** The body as a configuration's text. @throws Problem */
export async function yamlBody(request: Request): Promise<string> {
  const text = await textOf(request, MAX_YAML_BYTES);
  if (text.trim() === "") throw bad("the body is a configuration in YAML");
  return text;
}

async function textOf(request: Request, maxBytes: number): Promise<string> {
  const tooLarge = new Problem(413, "body_too_large", { detail: `a body has at most ${maxBytes} bytes here` });
  if (Number(request.headers.get("content-length") ?? 0) > maxBytes) throw tooLarge;
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of arriving(request)) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw tooLarge;
    chunks.push(chunk);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks));
  } catch {
    throw bad("the body is not UTF-8");
  }
}

/** A client that goes away in the middle is no fault of ours. */
async function* arriving(request: Request): AsyncGenerator<Uint8Array> {
  const reader = request.body?.getReader();
  for (;;) {
    const { done, value } = (await reader?.read().catch(() => null)) ?? { done: true, value: null };
    if (value === null && reader !== undefined) throw bad("the body ended early");
    if (done || value === undefined || value === null) return;
    yield value;
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw bad(`the body is not JSON: ${(error as Error).message}`);
  }
}

function isTooDeep(value: unknown, left: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return left === 0 || Object.values(value).some((inner) => isTooDeep(inner, left - 1));
}

function bad(detail: string): Problem {
  return new Problem(400, "bad_request", { detail });
}
