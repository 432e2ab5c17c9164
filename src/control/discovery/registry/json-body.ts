import { RegistryRefusal } from "./instance.ts";

export const MAX_BODY_BYTES = 64 * 1024;
/** A registration has three levels; what has more is no registration. */
const MAX_DEPTH = 8;

/** The JSON of a body, whatever its Content-Type says. @throws RegistryRefusal */
export function readJson(body: Uint8Array): unknown {
  if (body.byteLength > MAX_BODY_BYTES)
    throw new RegistryRefusal("body_too_large", `a registration has at most ${MAX_BODY_BYTES / 1024} KiB`);
  const text = decode(body);
  if (text.trim() === "") throw new RegistryRefusal("bad_request", "expected a JSON object, got nothing");
  // Before parsing: a parser recurses, and may run out of stack where it is called deep inside something.
  if (isDeep(text)) throw new RegistryRefusal("bad_request", `the JSON is nested deeper than ${MAX_DEPTH} levels`);
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    const said = error instanceof Error ? error.message.replace(/^JSON Parse error: /, "") : "";
    throw new RegistryRefusal("bad_request", `not JSON: ${said}`);
  }
}

function decode(body: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(body);
  } catch {
    throw new RegistryRefusal("bad_request", "the body is not UTF-8");
  }
}

function isDeep(text: string): boolean {
  let depth = 0;
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const char = text.charCodeAt(i);
    if (quoted) {
      if (char === BACKSLASH) i++;
      else if (char === QUOTE) quoted = false;
    } else if (char === QUOTE) quoted = true;
    else if (char === OPEN_BRACKET || char === OPEN_BRACE) {
      if (++depth > MAX_DEPTH) return true;
    } else if (char === CLOSE_BRACKET || char === CLOSE_BRACE) depth--;
  }
  return false;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
