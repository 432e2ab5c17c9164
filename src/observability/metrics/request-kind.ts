import { ERROR_KINDS } from "../../model/gateway-error.ts";

/** As labels. What is none of them is the last one: a client cannot make more series. */
export const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "OTHER"] as const;
/** `code` as labels; "": nothing failed; "plugin": a plugin gave a reason of its own. */
export const FAILURE_CODES: readonly string[] = ["", ...ERROR_KINDS, "plugin"];

const CODES = 64;
const PLUGIN = FAILURE_CODES.length - 1;
const CODE_INDEX: ReadonlyMap<string, number> = new Map(ERROR_KINDS.map((kind, i) => [kind, i + 1]));

/** A method, a status and a failure in one number. */
export interface RequestKind {
  readonly method: (typeof METHODS)[number];
  /** 0: none. */
  readonly status: number;
  readonly code: string;
}

/** Never 0. Allocates nothing. @param status what is no status counts as 0 */
export function packKind(method: number, status: number, code: string | null): number {
  const known = status >= 100 && status <= 999 ? status : 0;
  const failure = code === null ? 0 : (CODE_INDEX.get(code) ?? PLUGIN);
  return 1 + (known * METHODS.length + method) * CODES + failure;
}

/** Of a machine's whole traffic; a client that makes up statuses must not fill the memory with them. */
const MOST_REMEMBERED = 4096;
const remembered = new Map<number, RequestKind>();

/** The same object for the same key, for a while: a scrape asks for the same few thousands of times. */
export function unpackKind(key: number): RequestKind {
  const known = remembered.get(key);
  if (known !== undefined) return known;
  const rest = Math.floor((key - 1) / CODES);
  const kind = {
    method: METHODS[rest % METHODS.length]!,
    status: Math.floor(rest / METHODS.length),
    code: FAILURE_CODES[(key - 1) % CODES]!,
  };
  if (remembered.size >= MOST_REMEMBERED) remembered.clear();
  remembered.set(key, kind);
  return kind;
}

/** 0 to 4 for 1xx to 5xx; 5: what has no status. */
export function statusClass(status: number): number {
  return status >= 100 && status < 600 ? ((status / 100) | 0) - 1 : 5;
}

/** Into METHODS. Names of methods are case-sensitive (RFC 9110 §9.1). */
export function methodIndex(method: string | undefined): number {
  if (method === "GET") return 0;
  switch (method) {
    case "POST":
      return 2;
    case "HEAD":
      return 1;
    case "PUT":
      return 3;
    case "PATCH":
      return 4;
    case "DELETE":
      return 5;
    case "OPTIONS":
      return 6;
    default:
      return 7;
  }
}
