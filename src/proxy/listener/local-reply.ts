import { BytesBody } from "../../model/body.ts";
import type { Exchange } from "../../model/exchange.ts";
import { HeaderMap } from "../../model/header-map.ts";
import type { Reply } from "../../model/reply.ts";
import type { ListenerSpec } from "../../model/snapshot-spec.ts";

/** What a listener answers itself, before any route: its health check, and the way to https. */
export function localReply(exchange: Exchange, spec: ListenerSpec, ready: boolean): Reply | null {
  if (spec.healthPath !== null && isHealthCheck(exchange, spec.healthPath)) {
    exchange.quiet = true;
    return health(ready);
  }
  if (spec.redirectToHttps && exchange.scheme === "http") return redirect(exchange);
  return null;
}

function isHealthCheck(exchange: Exchange, path: string): boolean {
  const { method, target } = exchange.received;
  if (method !== "GET" && method !== "HEAD") return false;
  return target === path || (target.startsWith(path) && target[path.length] === "?");
}

function health(ready: boolean): Reply {
  return textReply(ready ? 200 : 503, ready ? "OK" : "Service Unavailable", ready ? "ok\n" : "draining\n");
}

function redirect(exchange: Exchange): Reply {
  const { target } = exchange.received;
  const path = target.startsWith("/") ? target : "/";
  const reply = textReply(308, "Permanent Redirect", "");
  reply.headers.push("Location", `https://${exchange.host}${path}`);
  return reply;
}

function textReply(status: number, reason: string, text: string): Reply {
  const body = BytesBody.text(text);
  const headers = new HeaderMap(["Content-Type", "Content-Length"], ["text/plain; charset=utf-8", String(body.length)]);
  return { status, reason, headers, body };
}
