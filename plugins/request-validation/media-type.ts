/** Lower case, without parameters. */
export function mediaTypeOf(contentType: string): string {
  return contentType.split(";", 1)[0]!.trim().toLowerCase();
}

/** What a body that is not what it says is refused with. */
export class Unreadable extends Error {}

/** The value a body stands for; what is neither JSON nor a form is text. @throws Unreadable */
export function valueOf(bytes: Uint8Array, contentType: string): unknown {
  const type = mediaTypeOf(contentType);
  const text = textOf(bytes);
  if (type === "application/json" || type.endsWith("+json")) {
    try {
      return JSON.parse(text) as unknown;
    } catch (error) {
      throw new Unreadable(
        error instanceof RangeError ? "the body is nested too deeply" : "the body is not valid JSON",
      );
    }
  }
  return type === "application/x-www-form-urlencoded" ? listed(new URLSearchParams(text)) : text;
}

/** Names that come twice become lists. */
export function listed(pairs: Iterable<[string, string]>): Record<string, string | string[]> {
  // Without a prototype, because clients choose the names.
  const found: Record<string, string | string[]> = Object.create(null);
  for (const [name, value] of pairs) {
    const known = found[name];
    if (known === undefined) found[name] = value;
    else if (typeof known === "string") found[name] = [known, value];
    else known.push(value);
  }
  return found;
}

function textOf(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new Unreadable("the body is not UTF-8");
  }
}
