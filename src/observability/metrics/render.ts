import { type Family, type Format, headOf } from "./exposition.ts";
import { EVENT_LOOP, Turn } from "./pace.ts";

/** Text is handed on when there is so much of it. */
const CHUNK_CHARS = 32_768;

/** The families as text, in chunks; never longer at a time than a turn. What has no lines is left out. */
export async function* render(
  families: Iterable<Family>,
  format: Format,
  turn: Turn = new Turn(EVENT_LOOP),
): AsyncGenerator<string> {
  let text = "";
  for (const family of families) {
    let isFirst = true;
    for (const block of family.blocks(format)) {
      if (block === "") continue;
      text += isFirst ? headOf(family, format) + block : block;
      isFirst = false;
      if (text.length >= CHUNK_CHARS) {
        yield text;
        text = "";
      }
      // What the reader did with a chunk was done in this turn, too.
      if (turn.isOver) await turn.end();
    }
  }
  if (format === "openmetrics") text += "# EOF\n";
  if (text !== "") yield text;
}
