import { estimateShallowMemoryUsageOf } from "bun:jsc";

/** Up to here the bytes are taken in one piece: what is larger streams. */
const WHOLE_BYTES = 64 * 1024;

/** What Bun reports for a response without bytes and URL; measured once, so that another version of Bun only loses the shortcut. */
const EMPTY_COST = estimateShallowMemoryUsageOf(new Response("x")) - 1;

/**
 * The body of a reply that has arrived complete with its head, else null. Reading it through its stream costs a sixth of a
 * request's CPU; `bytes()` hands out what is there at once, but would hold back a body that is still coming. Bun counts the
 * bytes that a response owns, and counts none while more are to come, which is how the two are told apart (pinned in
 * `test/edges/serve-pins.test.ts`). A wrong guess would be harmless but late: the whole body is waited for.
 */
export function wholeBytes(response: Response, length: number | null): Whole | null {
  if (length === null || length > WHOLE_BYTES) return null;
  if (estimateShallowMemoryUsageOf(response) !== EMPTY_COST + response.url.length + length) return null;
  const bytes = response.bytes();
  const arrived = Bun.peek(bytes);
  return arrived === bytes ? bytes : (arrived as Uint8Array<ArrayBuffer>);
}

type Whole = Uint8Array<ArrayBuffer> | Promise<Uint8Array<ArrayBuffer>>;
