import { isIP } from "node:net";
import type { EndpointSpec } from "../../model/snapshot-spec.ts";

export type EndpointAddress = Omit<EndpointSpec, "weight">;

/** Takes an endpoint's URL apart. @returns what is wrong with it as text. */
export function parseEndpointUrl(text: string): EndpointAddress | string {
  const got = JSON.stringify(text);
  if (text.startsWith("unix:")) return parseUnix(text);
  if (/[\s\\\p{Cc}]/u.test(text)) return `bad URL ${got}: no spaces, backslashes or control characters`;
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):\/\//.exec(text)?.[1]?.toLowerCase();
  if (scheme === undefined) return `bad URL ${got}: it starts with http://, https:// or unix:`;
  if (scheme !== "http" && scheme !== "https") return `bad URL ${got}: scheme ${scheme} is not http, https or unix`;
  const url = URL.parse(text);
  if (url === null) return `bad URL ${got}: expected http://host:port`;
  if (url.username !== "" || url.password !== "" || /^[^/]*\/\/[^/]*@/.test(text)) {
    return `bad URL ${maskUserInfo(got)}: no credentials in a URL`;
  }
  if (text.includes("?") || text.includes("#")) return `bad URL ${got}: no query or fragment`;
  if (url.port === "0") return `bad URL ${got}: port 0`;
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  if (host === "" || (isIP(host) === 0 && !HOST.test(host))) return `bad URL ${got}: "${host}" is not a host`;
  const port = url.port === "" ? (scheme === "https" ? 443 : 80) : Number(url.port);
  return { scheme, host, port, basePath: url.pathname.replace(/\/+$/, "") };
}

const HOST = /^[a-z0-9_]([a-z0-9._-]*[a-z0-9_])?\.?$/;

function parseUnix(text: string): EndpointAddress | string {
  const path = text.slice("unix:".length).replace(/^\/\/(?=\/)/, "");
  if (!path.startsWith("/")) return `bad URL ${JSON.stringify(text)}: expected unix:/path/to.sock`;
  // The kernel's sun_path holds 108 bytes and a final zero.
  if (Buffer.byteLength(path) > 107) return `bad URL ${JSON.stringify(text)}: a socket's path has at most 107 bytes`;
  if (path.includes("\0")) return `bad URL ${JSON.stringify(text)}: a path has no zero bytes`;
  return { scheme: "http", host: path, port: 0, basePath: "" };
}

function maskUserInfo(text: string): string {
  return text.replace(/\/\/[^/]*@/, "//***@");
}
