import type { Exchange } from "../model/exchange.ts";
import { FAILURES } from "../model/failures.ts";
import type { ExchangeEvent } from "../model/ports.ts";
import type { EventBus } from "./event-bus.ts";

/** How an exchange with a `code` ended, where that is an event; what the client did wrong, or did not wait for, is none. */
export function publishEnd(events: EventBus, exchange: Exchange): void {
  const { code } = exchange;
  if (code === "unauthorized" || code === "forbidden") return events.offer("auth.failure", authFailure, exchange);
  const isOurs = exchange.failure === null ? exchange.status >= 500 : FAILURES[exchange.failure.kind].status >= 500;
  if (isOurs) events.offer("request.error", requestError, exchange);
}

function authFailure({ route, code, clientIp, id }: Exchange): ExchangeEvent {
  return { type: "auth.failure", route: route?.id ?? null, code: code!, client: clientIp, requestId: id };
}

function requestError({ route, upstream, endpoint, status, code, failure, id }: Exchange): ExchangeEvent {
  const where = { route: route?.id ?? null, upstream, endpoint };
  return { type: "request.error", ...where, status, code: code!, detail: failure?.detail ?? "", requestId: id };
}
