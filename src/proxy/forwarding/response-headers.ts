import type { Exchange } from "../../model/exchange.ts";
import type { HeaderMap } from "../../model/header-map.ts";
import { Watched } from "../../model/watched-fields.ts";
import { connectionNames, isHopByHop } from "./hop-by-hop.ts";

/** Takes from an upstream's reply what belongs to the upstream connection; in place, since the transport made the map for us. */
export function cleanReplyHeaders(headers: HeaderMap): void {
  // Our own codec has done that while parsing.
  if (headers.fromCodec) return;
  const named = connectionNames(headers);
  const names = headers.rawNames;
  const values = headers.rawValues;
  let kept = 0;
  for (let i = 0; i < names.length; i++) {
    const name = names[i]!;
    if (isHopByHop(name) || (named !== null && named.has(name.toLowerCase()))) continue;
    if (kept !== i) {
      names[kept] = name;
      values[kept] = values[i]!;
    }
    kept++;
  }
  if (kept === names.length) return;
  names.length = kept;
  values.length = kept;
}

/** What every reply gets, whoever made it. */
export function addReplyHeaders(
  headers: HeaderMap,
  exchange: Exchange,
  configured: ReadonlyArray<readonly [string, string]>,
): void {
  for (let i = 0; i < configured.length; i++) {
    const field = configured[i]!;
    if (!headers.has(field[0])) headers.push(field[0], field[1]);
  }
  if (headers.lacks(Watched.requestId, "x-request-id")) headers.push("X-Request-Id", exchange.id);
  else headers.replace("X-Request-Id", exchange.id);
}
