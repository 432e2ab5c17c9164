import type { AuditEntry } from "./store.ts";
import { StoreError } from "./store-error.ts";

/** Of one value, as JSON in UTF-8. */
export const MAX_VALUE_BYTES = 1024 * 1024;
/** Of an id, in UTF-16 units: what an index of PostgreSQL takes. */
export const MAX_ID_LENGTH = 512;
const MAX_DETAIL_BYTES = 16 * 1024;
const MAX_AUDIT_TEXT = 1024;

/** @returns why it cannot be an id, or null. PostgreSQL keeps no NUL, and half a surrogate pair would come back as another id. */
export function idFault(id: string): string | null {
  if (id === "") return "an id must not be empty";
  if (id.length > MAX_ID_LENGTH) return `an id has at most ${MAX_ID_LENGTH} characters, this one has ${id.length}`;
  if (/\p{Cc}/u.test(id)) return `the id ${JSON.stringify(id)} has a control character in it`;
  return id.isWellFormed() ? null : `the id ${JSON.stringify(id)} is not well-formed Unicode`;
}

/** @throws StoreError `invalid` or `too_large` */
export function encodeValue(what: string, value: unknown): string {
  const text = toJson(what, value);
  const bytes = Buffer.byteLength(text);
  if (bytes <= MAX_VALUE_BYTES) return text;
  throw new StoreError("too_large", `${what} has ${bytes} bytes as JSON, and at most ${MAX_VALUE_BYTES} are kept`);
}

/** @throws StoreError `damaged` */
export function decodeValue(what: string, text: unknown): unknown {
  try {
    return JSON.parse(String(text));
  } catch (cause) {
    throw new StoreError("damaged", `what is kept of ${what} is not JSON: restore it from a backup or delete it`, {
      cause,
    });
  }
}

/** As it can be kept: an audit line is never the reason why a change is refused. */
export function encodeAudit(entry: Omit<AuditEntry, "id" | "at">): Record<keyof typeof entry, string> {
  const detail = toJson("the audit line's detail", entry.detail);
  const bytes = Buffer.byteLength(detail);
  return {
    actor: auditText(entry.actor),
    action: auditText(entry.action),
    target: auditText(entry.target),
    detail:
      bytes <= MAX_DETAIL_BYTES ? detail : JSON.stringify({ omitted: `${bytes} bytes: too much for an audit line` }),
  };
}

function auditText(text: string): string {
  const kept = text.length > MAX_AUDIT_TEXT ? `${text.slice(0, MAX_AUDIT_TEXT - 1)}…` : text;
  return kept.toWellFormed().replaceAll("\0", "\uFFFD");
}

function toJson(what: string, value: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (cause) {
    throw new StoreError("invalid", `${what} cannot be written as JSON: ${(cause as Error).message}`, { cause });
  }
  if (text === undefined) throw new StoreError("invalid", `${what} cannot be written as JSON: it is ${typeof value}`);
  return text;
}
