/** One target, and what was seen. */
export interface Check {
  readonly what: string;
  readonly ok: boolean;
  readonly saw: string;
}

/** @returns true when every target was met */
export function report(checks: readonly Check[]): boolean {
  const width = Math.max(...checks.map(({ what }) => what.length));
  console.log("");
  for (const { what, ok, saw } of checks) console.log(`${ok ? "PASS" : "MISS"}  ${what.padEnd(width)}  ${saw}`);
  return checks.every(({ ok }) => ok);
}

export function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
