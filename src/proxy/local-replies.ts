import { STATUS_CODES } from "node:http";
import { BytesBody } from "../model/body.ts";
import type { Exchange } from "../model/exchange.ts";
import { HeaderMap } from "../model/header-map.ts";
import type { Reply } from "../model/reply.ts";
import type { RouteAction } from "../model/snapshot-spec.ts";
import { redirectLocation } from "./routing/rewrite.ts";

type Respond = Extract<RouteAction, { kind: "respond" }>;
type Redirect = Extract<RouteAction, { kind: "redirect" }>;

/** The reply of a `respond` route. A body without a type of its own is text. */
export function respondReply(action: Respond): Reply {
  const body = BytesBody.text(action.body);
  const headers = new HeaderMap();
  for (const [name, value] of action.headers) headers.push(name, value);
  const { status } = action;
  const reason = STATUS_CODES[status] ?? "";
  if (!hasContent(status)) return { status, reason, headers, body: null };
  if (!headers.has("content-type") && body.length > 0) headers.push("Content-Type", "text/plain; charset=utf-8");
  headers.push("Content-Length", String(body.length));
  return { status, reason, headers, body };
}

export function redirectReply(action: Redirect, exchange: Exchange): Reply {
  const headers = new HeaderMap(["Location", "Content-Length"], [redirectLocation(action.to, exchange), "0"]);
  return { status: action.status, reason: STATUS_CODES[action.status] ?? "", headers, body: null };
}

function hasContent(status: number): boolean {
  return status !== 204 && status !== 304;
}
