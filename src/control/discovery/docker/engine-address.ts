import { isIP } from "node:net";

/** Where a Docker engine listens. */
export interface EngineAddress {
  /** As it was given, for people. */
  readonly text: string;
  /** The path of its socket; null: TCP. */
  readonly unix: string | null;
  /** What every URL begins with. */
  readonly origin: string;
  /** The machine it runs on, without brackets; null: this one, by its socket. */
  readonly host: string | null;
}

const DEFAULT_PORT = { http: 2375, https: 2376 };

/**
 * `unix:///var/run/docker.sock`, `/var/run/docker.sock`, `tcp://host:2375`, `http://…`, `https://…`.
 * @param hasTls whether `tcp:` is TLS
 * @throws Error which says what to write instead
 */
export function parseEngineAddress(text: string, hasTls: boolean): EngineAddress {
  const path = text.startsWith("/") ? text : /^unix:(?:\/\/)?(\/[^\0]+)$/.exec(text)?.[1];
  if (path !== undefined) return { text, unix: path, origin: "http://docker", host: null };
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !["tcp:", "http:", "https:"].includes(url.protocol))
    throw new Error(`Docker's endpoint ${JSON.stringify(text)} is not one: ${hint(text)}`);
  // Only special schemes have their hosts read: `tcp:` would keep what is none.
  const scheme = url.protocol === "https:" || (url.protocol === "tcp:" && hasTls) ? "https" : "http";
  const web = text.replace(/^[a-z]+:/i, `${scheme}:`);
  if (!URL.canParse(web)) throw new Error(`Docker's endpoint ${JSON.stringify(text)} is not one: ${hint(text)}`);
  const { hostname, username, password, pathname, search, hash } = new URL(web);
  if (`${username}${password}${search}${hash}` !== "" || pathname !== "/")
    throw new Error(`Docker's endpoint ${JSON.stringify(text)} has more than host and port: ${hint(text)}`);
  const port = explicitPort(text) ?? DEFAULT_PORT[scheme];
  return { text, unix: null, origin: `${scheme}://${hostname}:${port}`, host: hostname.replace(/^\[|\]$/g, "") };
}

/** By its address; a name may be anybody's. */
export function isThisMachine({ host }: EngineAddress): boolean {
  return host === null || host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}

// `new URL` drops a port that is its scheme's default.
function explicitPort(text: string): string | undefined {
  return /^[a-z]+:\/\/(?:\[[^\]]*\]|[^/:]*):(\d+)/i.exec(text)?.[1];
}

function hint(text: string): string {
  if (text.startsWith("ssh:")) return "forward the socket with ssh -L, and name that";
  if (text.startsWith("npipe:")) return "Windows' pipes cannot be used; expose the engine over TCP on loopback";
  return "expected unix:///var/run/docker.sock, tcp://host:2375 or https://host:2376";
}
