import type { Exchange } from "../../model/exchange.ts";
import type { HeaderMap } from "../../model/header-map.ts";
import { rateLimit } from "./rate-limit-headers.ts";

/**
 * `RateLimit-Policy` and `RateLimit` for the reply, of the tightest limit met; nothing when none counted the request. Both are
 * lists: what an upstream says of limits of its own stays beside them. `Retry-After` comes with the refusal itself.
 */
export function addRateLimitFields(headers: HeaderMap, exchange: Exchange): void {
  const { rate } = exchange;
  if (rate === null) return;
  headers.push("RateLimit-Policy", rate.policy);
  headers.push("RateLimit", rateLimit(rate.quotedName, rate));
}
