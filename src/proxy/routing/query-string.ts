/** The target's path, without its query. */
export function pathOf(target: string): string {
  const mark = target.indexOf("?");
  return mark < 0 ? target : target.slice(0, mark);
}

/** The target's query with its "?", or "". */
export function queryOf(target: string): string {
  const mark = target.indexOf("?");
  return mark < 0 ? "" : target.slice(mark);
}

/** Every value that `name` has in the target's query, decoded, in order. `?a` gives an empty value. */
export function queryValues(target: string, name: string): string[] {
  const values: string[] = [];
  let from = target.indexOf("?") + 1;
  if (from === 0) return values;
  while (from <= target.length) {
    const next = target.indexOf("&", from);
    const end = next < 0 ? target.length : next;
    const equals = target.indexOf("=", from);
    const nameEnd = equals < 0 || equals > end ? end : equals;
    if (nameEnd > from && decodeComponent(target.slice(from, nameEnd)) === name)
      values.push(decodeComponent(target.slice(Math.min(nameEnd + 1, end), end)));
    from = end + 1;
  }
  return values;
}

/** As `application/x-www-form-urlencoded`, which is what clients mean; what does not decode stays as it is. */
function decodeComponent(text: string): string {
  if (!text.includes("%") && !text.includes("+")) return text;
  const spaced = text.replaceAll("+", " ");
  try {
    return decodeURIComponent(spaced);
  } catch {
    return spaced;
  }
}
