import { BytesBody } from "../model/body.ts";
import { Exchange, type ExchangeOrigins, type Identity } from "../model/exchange.ts";
import { HeaderMap } from "../model/header-map.ts";
import { isHopByHop } from "../proxy/forwarding/hop-by-hop.ts";
import { hostOf } from "../proxy/http1/authority.ts";
import { StreamBody } from "../proxy/web-stream-body.ts";
import { pluginSource } from "../proxy/pipeline/answer.ts";
import type { Ticker } from "../proxy/ticker.ts";

export interface TestRequest {
  readonly method?: string;
  readonly headers?: Bun.HeadersInit;
  readonly body?: Bun.BodyInit | null;
  /** Default 203.0.113.1 */
  readonly clientIp?: string;
  /** Default localhost */
  readonly host?: string;
  readonly scheme?: "http" | "https";
  readonly identity?: Identity;
}

export interface ExchangeParts {
  readonly origins: ExchangeOrigins;
  readonly ticker: Ticker;
  readonly startedAt: number;
}

/** The exchange that a listener would have made of a request. */
export function testExchange(target: string, request: TestRequest, parts: ExchangeParts): Exchange {
  const { clientIp = "203.0.113.1", host = "localhost", scheme = "http" } = request;
  const web = new Request("http://test.invalid/", {
    method: request.method === undefined || /^(get|head)$/i.test(request.method) ? "POST" : request.method,
    ...(request.headers === undefined ? {} : { headers: new Headers(request.headers) }),
    body: request.body ?? null,
  });
  const headers = new HeaderMap(["Host"], [host]);
  for (const [name, value] of web.headers)
    if (name !== "content-length" && name !== "host" && !isHopByHop(name)) headers.append(name, value);
  const body = bodyOf(web, request.body, parts.ticker);
  if (body !== null && body.length !== null) headers.push("Content-Length", String(body.length));
  return new Exchange({
    received: { method: request.method ?? "GET", target, authority: host, version: "1.1", headers },
    scheme,
    host: hostOf(host) ?? host,
    peer: { address: clientIp, port: 40_000, trusted: false },
    listener: "test",
    requestBody: body,
    upgrade: null,
    startedAt: parts.startedAt,
    origins: parts.origins,
    edge: "wire",
  });
}

function bodyOf(web: Request, given: TestRequest["body"], ticker: Ticker): BytesBody | StreamBody | null {
  if (given === undefined || given === null) return null;
  if (typeof given === "string" || given instanceof URLSearchParams) return BytesBody.text(given.toString());
  if (given instanceof Uint8Array) return new BytesBody(given);
  return new StreamBody(web, null, pluginSource(ticker));
}
