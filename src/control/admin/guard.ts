import { createHash, timingSafeEqual } from "node:crypto";
import { isIP } from "node:net";

/** What who asks may do. */
export type Role = "admin" | "reader";

export interface GuardSettings {
  /** Address the listener is bound to. */
  readonly host: string;
  /** "": none. */
  readonly token: string;
  /** Of those who only look; "": none. */
  readonly readOnlyToken: string;
}

export interface Asked {
  readonly method: string;
  readonly path: string;
  header(name: string): string | null;
}

export type Verdict =
  | { readonly ok: true; readonly role: Role }
  | { readonly ok: false; readonly status: 401 | 403 | 421; readonly detail: string };

const SAFE: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);
/** Says nothing of the configuration: probes and the page that asks for the token. */
const OPEN = /^\/(?:health(?:\/live|\/ready)?|docs(?:\/[\w.-]+)?)$/;
/** Starts processes on the machine: never without a token. */
const PRIVILEGED = /^\/api\/v1\/containers(?:\/|$)/;

/** A proxy listener may carry it, through the proxy's own pipeline. */
const REGISTRY = /^\/api\/v1\/(?:services(?:\/|$)|health$)/;
/** A proxy stands between; who asks it is anybody. */
const FORWARDED = ["via", "forwarded", "x-forwarded-for"];

/**
 * Who may ask the admin API what. With a token, the token decides. Without one the listener is on loopback, and then a web page in
 * the operator's browser must not be able to ask: `Host` has to be a loopback name (DNS rebinding), and `Origin` that very host (CSRF).
 */
export class Guard {
  readonly #settings: GuardSettings;
  readonly #tokens: ReadonlyArray<{ digest: Buffer; role: Role }>;

  constructor(settings: GuardSettings) {
    this.#settings = settings;
    const tokens: Array<[string, Role]> = [
      [settings.token, "admin"],
      [settings.readOnlyToken, "reader"],
    ];
    this.#tokens = tokens.filter(([token]) => token !== "").map(([token, role]) => ({ digest: digestOf(token), role }));
  }

  check(asked: Asked): Verdict {
    const cross = this.#crossSite(asked);
    if (cross !== null) return cross;
    if (this.#settings.token === "" && PRIVILEGED.test(asked.path))
      return refused(403, "managing containers needs an admin token: set admin.token");
    if (OPEN.test(asked.path) && SAFE.has(asked.method)) return { ok: true, role: "reader" };
    if (
      this.#settings.token === "" &&
      !REGISTRY.test(asked.path) &&
      FORWARDED.some((name) => asked.header(name) !== null)
    )
      return refused(403, "this came through a proxy, which anybody may ask: set admin.token");
    const role = this.#settings.token === "" ? "admin" : this.#roleOf(asked.header("authorization"));
    if (role === null) return refused(401, "send Authorization: Bearer TOKEN, with admin.token as TOKEN");
    if (role === "reader" && !SAFE.has(asked.method)) return refused(403, "this token may only read");
    return { ok: true, role };
  }

  #crossSite(asked: Asked): Verdict | null {
    const host = asked.header("host") ?? "";
    if (this.#settings.token === "" && !this.#isOwnHost(host))
      return refused(
        421,
        `Host ${JSON.stringify(host)} is not this machine: without admin.token only loopback names are answered`,
      );
    const origin = asked.header("origin");
    if (SAFE.has(asked.method) && (origin === null || this.#settings.token !== "")) return null;
    if (origin === null) {
      // A browser that keeps Origin to itself says this much.
      const from = asked.header("sec-fetch-site") ?? "none";
      return from === "none" || from === "same-origin" ? null : refused(403, "the request is of another site");
    }
    return URL.parse(origin)?.host.toLowerCase() === host.toLowerCase()
      ? null
      : refused(403, `Origin ${JSON.stringify(origin)} is another site`);
  }

  #isOwnHost(authority: string): boolean {
    const name = authority
      .toLowerCase()
      .replace(/:\d*$/, "")
      .replace(/^\[(.*)\]$/, "$1")
      .replace(/\.$/, "");
    return isLoopback(name) || name === this.#settings.host.toLowerCase();
  }

  /** Every token is compared, in the same time whether or not it is the one. */
  #roleOf(authorization: string | null): Role | null {
    const given = /^Bearer +(\S+) *$/i.exec(authorization ?? "")?.[1] ?? "";
    const digest = digestOf(given);
    let found: Role | null = null;
    for (const token of this.#tokens) if (timingSafeEqual(token.digest, digest)) found ??= token.role;
    return found;
  }
}

/** A name or an address of this machine that nobody else can use. */
export function isLoopback(host: string): boolean {
  if (host === "localhost" || host.endsWith(".localhost")) return true;
  const version = isIP(host);
  return version === 4 ? host.startsWith("127.") : version === 6 && /^(?:0*:)*0*1$/.test(host);
}

function refused(status: 401 | 403 | 421, detail: string): Verdict {
  return { ok: false, status, detail };
}

function digestOf(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
