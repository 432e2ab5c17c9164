import { isIP } from "node:net";

/** A name under `endpoints: [{ dns: … }]`. */
export interface DnsSpec {
  /** `http://api.internal:8080`: two endpoints with the same key are the same question. */
  readonly key: string;
  /** `srv`: the ports, weights and priorities are in the answer. */
  readonly kind: "address" | "srv";
  readonly scheme: "http" | "https";
  readonly name: string;
  /** 0 where the answer has it. */
  readonly port: number;
}

const NAME = /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$/;
const SERVICE = /^_([a-z0-9-]+)\._(tcp|udp)\./;

/**
 * `api.internal:8080` asks for addresses, `_http._tcp.api.internal` for a service (RFC 2782); `https://` may stand before either, and
 * `_https._tcp` means it. @returns what is wrong with it as text
 */
export function parseDnsSpec(text: string): DnsSpec | string {
  const got = JSON.stringify(text);
  const [, written, rest = ""] = /^(?:(https?):\/\/)?(.*)$/is.exec(text) ?? [];
  const [, host = "", port] = /^(.*?)(?::(\d+))?$/s.exec(rest) ?? [];
  const name = host.toLowerCase().replace(/\.$/, "");
  if (isIP(name.replace(/^\[(.*)\]$/, "$1")) !== 0) return `${got} is an address, which is an endpoint's url`;
  if (!isHostName(name)) return `expected a name and port such as api.internal:8080, got ${got}`;
  const service = SERVICE.exec(name)?.[1];
  if (service !== undefined) {
    if (port !== undefined) return `${got}: the ports of a service are in its SRV records; write it without one`;
    const scheme = schemeOf(written) ?? (service === "https" ? "https" : "http");
    return { key: `${scheme}://${name}`, kind: "srv", scheme, name, port: 0 };
  }
  if (port === undefined) return `${got} has no port: write ${name}:80, or a service such as _http._tcp.${name}`;
  if (Number(port) < 1 || Number(port) > 65_535) return `${got}: a port is from 1 to 65535`;
  const scheme = schemeOf(written) ?? "http";
  return { key: `${scheme}://${name}:${Number(port)}`, kind: "address", scheme, name, port: Number(port) };
}

function schemeOf(written: string | undefined): DnsSpec["scheme"] | undefined {
  return written?.toLowerCase() as DnsSpec["scheme"] | undefined;
}

/** Of a name in lower case and without a final dot. */
export function isHostName(name: string): boolean {
  return NAME.test(name);
}
