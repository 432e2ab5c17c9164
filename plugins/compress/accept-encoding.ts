export const CODINGS = ["zstd", "br", "gzip"] as const;
export type Coding = (typeof CODINGS)[number];

/** What a client takes, from Accept-Encoding (RFC 9110 §12.5.3). */
export interface Accepted {
  /** null: the bytes as they are. */
  readonly coding: Coding | null;
  /** The client refuses the bytes as they are. */
  readonly mustEncode: boolean;
}

/** @param offered in order of preference, for codings that the client likes as much as each other */
export function negotiate(header: string | null, offered: readonly Coding[]): Accepted {
  if (header === null || header.trim() === "") return { coding: null, mustEncode: false };
  const weights = weightsOf(header);
  const any = weights.get("*");
  const weightOf = (coding: string): number => weights.get(coding) ?? any ?? 0;
  let best: Coding | null = null;
  for (const coding of offered) {
    const weight = coding === "gzip" ? Math.max(weightOf("gzip"), weights.get("x-gzip") ?? 0) : weightOf(coding);
    if (weight > 0 && (best === null || weight > weightOf(best))) best = coding;
  }
  const identity = weights.get("identity");
  const mustEncode = (identity ?? any ?? 1) === 0;
  // Where nothing was said about identity it is what is left when nothing else fits.
  if (best !== null && identity !== undefined && identity > weightOf(best)) best = null;
  return { coding: best, mustEncode };
}

const ITEM = /^\s*([A-Za-z0-9!#$&'*+.^_`|~-]+)\s*(?:;\s*q\s*=\s*(\d(?:\.\d*)?)\s*)?$/i;

/** Items that cannot be read are as good as not there. */
function weightsOf(header: string): Map<string, number> {
  const weights = new Map<string, number>();
  for (const item of header.split(",", 64)) {
    const found = ITEM.exec(item);
    if (found === null) continue;
    const [, name, q = "1"] = found;
    const weight = Number(q);
    if (weight <= 1) weights.set(name!.toLowerCase(), weight);
  }
  return weights;
}
