import { caddy } from "./caddy.ts";
import type { Contender } from "./contender.ts";
import { haproxy } from "./haproxy.ts";
import { httpProxy3 } from "./http-proxy-3.ts";
import { nginx, nginxTls } from "./nginx.ts";
import { sluices } from "./sluice.ts";

export const ALL_CONTENDERS: readonly Contender[] = [nginx, haproxy, caddy, httpProxy3, ...sluices, nginxTls];

/** @throws an Error that lists the names there are */
export function contenderNamed(name: string, among: readonly Contender[] = ALL_CONTENDERS): Contender {
  const found = among.find((contender) => contender.name === name);
  if (found === undefined) {
    throw new Error(`no contender "${name}"; there are ${among.map((contender) => contender.name).join(", ")}`);
  }
  return found;
}
