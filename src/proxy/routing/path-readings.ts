/**
 * Percent-encoding is decoded for matching only, once, and to bytes: strings here hold one byte a character, so that no
 * request can fail to decode. What is not a valid escape stays as it is.
 *
 * A slash that came encoded is not a segment's end, so it must not look like one: it becomes a character that no byte has.
 */
const ENCODED_SLASH = "\u2044";
const ENCODED_SLASHES = /\u2044/g;
const ESCAPE = /%([0-9A-Fa-f]{2})/g;
const DOT_SEGMENT = /(?:^|\/)\.\.?(?:\/|$)/;
const SEVERAL_READINGS = /[\u2044\\]|\/\/|\/\.\.?(?:\/|$)/;

/** True when the path means one thing and is spelled in one way: nearly every request. */
export function isPlain(path: string): boolean {
  return !path.includes("%") && !path.includes("/.") && !path.includes("//") && !path.includes("\\");
}

/** The path (or one segment of it) as it is compared with other paths. */
export function decodeForMatching(path: string): string {
  return path.includes("%") ? path.replace(ESCAPE, decodeEscape) : path;
}

function decodeEscape(_escape: string, digits: string): string {
  const byte = Number.parseInt(digits, 16);
  return byte === 0x2f ? ENCODED_SLASH : String.fromCharCode(byte);
}

/**
 * How else could someone behind us read this path? Servers differ in whether they resolve dot segments, merge slashes,
 * decode `%2F` before they split, and take `\` for `/`.
 * @param decoded by `decodeForMatching`.
 * @returns the other readings, without `decoded` itself; null: there are none.
 */
export function otherReadings(decoded: string): ReadonlySet<string> | null {
  if (!SEVERAL_READINGS.test(decoded)) return null;
  const readings = new Set<string>();
  const opened = decoded.replace(ENCODED_SLASHES, "/");
  for (const path of [decoded, opened, decoded.replaceAll("\\", "/"), opened.replaceAll("\\", "/")]) {
    const merged = mergeSlashes(path);
    const resolved = resolveDots(path);
    readings.add(path).add(merged).add(resolved).add(resolveDots(merged)).add(mergeSlashes(resolved));
  }
  readings.delete(decoded);
  return readings.size === 0 ? null : readings;
}

/** In its most generous reading, could the path leave the folder it names? */
export function climbs(decoded: string): boolean {
  return DOT_SEGMENT.test(decoded.replace(ENCODED_SLASHES, "/").replaceAll("\\", "/"));
}

function mergeSlashes(path: string): string {
  return path.includes("//") ? path.replace(/\/{2,}/g, "/") : path;
}

/** RFC 3986 §5.2.4, for paths that start with a slash. */
function resolveDots(path: string): string {
  if (!DOT_SEGMENT.test(path)) return path;
  const segments = path.split("/");
  const kept: string[] = [];
  for (let i = 1; i < segments.length; i++) {
    const segment = segments[i]!;
    const isDots = segment === "." || segment === "..";
    if (segment === "..") kept.pop();
    if (!isDots) kept.push(segment);
    else if (i === segments.length - 1) kept.push("");
  }
  return `/${kept.join("/")}`;
}
