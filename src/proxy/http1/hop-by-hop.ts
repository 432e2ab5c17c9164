import type { HeaderMap } from "../../model/header-map.ts";

/** What the Connection field says (RFC 9110 §7.6.1). */
export class ConnectionOptions {
  readonly close: boolean;
  readonly keepAlive: boolean;
  readonly upgrade: boolean;
  /** Lower-case names of further fields that belong to this connection; null for the usual none. */
  readonly named: readonly string[] | null;

  constructor(close: boolean, keepAlive: boolean, upgrade: boolean, named: readonly string[] | null) {
    this.close = close;
    this.keepAlive = keepAlive;
    this.upgrade = upgrade;
    this.named = named;
  }
}

const NONE = new ConnectionOptions(false, false, false, null);
const CLOSE = new ConnectionOptions(true, false, false, null);
const KEEP_ALIVE = new ConnectionOptions(false, true, false, null);
const UPGRADE = new ConnectionOptions(false, false, true, null);

/**
 * Fields that Connection cannot take away: they are intended for all recipients (RFC 9110 §7.6.1), and without them the message
 * means something else: another framing, another origin, an anonymous client. Naming them is ignored.
 */
const END_TO_END: ReadonlySet<string> = new Set([
  "host",
  "content-length",
  "transfer-encoding",
  "content-type",
  "content-encoding",
  "cookie",
  "set-cookie",
  "authorization",
  "cache-control",
  "expect",
]);

export function connectionOptions(value: string | null): ConnectionOptions {
  if (value === null) return NONE;
  switch (value) {
    case "keep-alive":
    case "Keep-Alive":
      return KEEP_ALIVE;
    case "close":
      return CLOSE;
    case "Upgrade":
    case "upgrade":
      return UPGRADE;
    default:
      return fromList(value.toLowerCase());
  }
}

function fromList(list: string): ConnectionOptions {
  let close = false;
  let keepAlive = false;
  let upgrade = false;
  let named: string[] | null = null;
  for (const part of list.split(",")) {
    const option = trimmed(part);
    if (option === "close") close = true;
    else if (option === "keep-alive") keepAlive = true;
    else if (option === "upgrade") upgrade = true;
    else if (option !== "" && option !== "te" && !END_TO_END.has(option)) (named ??= []).push(option);
  }
  return new ConnectionOptions(close, keepAlive, upgrade, named);
}

/** Takes the fields that Connection named out of a section, before anyone sees them. */
export function removeNamed(headers: HeaderMap, named: readonly string[]): void {
  for (const name of new Set(named)) headers.remove(name);
}

/**
 * RFC 9112 §9.3: does the connection persist after this message, for its own part?
 */
export function persists(minor: number, options: ConnectionOptions): boolean {
  return !options.close && (minor >= 1 || options.keepAlive);
}

/** Does a comma-separated list (TE, Expect) have `member`, in any case? Parameters after `;` do not matter. */
export function listHas(list: string | null, member: string): boolean {
  if (list === null) return false;
  const lower = list.toLowerCase();
  if (lower === member) return true;
  if (!lower.includes(",") && !lower.includes(";")) return false;
  return lower.split(",").some((part) => trimmed(part.split(";", 1)[0]!) === member);
}

/**
 * The protocol that an Upgrade field offers, lower-case, if it can go on as a raw tunnel; else null: RFC 9110 §7.8 lets a server
 * ignore the field. `h2c` is ignored always, since a tunnel of HTTP/2 requests would pass every route and every check; so is a
 * list, of which we could not say what the tunnel will speak.
 */
export function upgradeProtocol(value: string | null, options: ConnectionOptions): string | null {
  if (value === null || !options.upgrade || value === "") return null;
  const protocol = value.toLowerCase();
  if (protocol.includes(",") || protocol.includes(" ") || protocol.includes("\t")) return null;
  return protocol === "h2" || protocol === "h2c" || protocol.startsWith("http/") ? null : protocol;
}

// OWS is SP and HTAB only (RFC 9110 §5.6.3); `trim` would also take NBSP, which is obs-text here.
function trimmed(part: string): string {
  let from = 0;
  let to = part.length;
  while (from < to && isBlank(part.charCodeAt(from))) from++;
  while (to > from && isBlank(part.charCodeAt(to - 1))) to--;
  return part.slice(from, to);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
