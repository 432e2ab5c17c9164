import type { Contender } from "../contenders/contender.ts";
import { type Comparison, type Figures, medians } from "../measure.ts";

/** A contender's medians at a path and those of what it is compared with. */
export interface Standing {
  readonly name: string;
  readonly figures: Figures;
  readonly reference: Figures | undefined;
}

export function standings(comparison: Comparison, contenders: readonly Contender[], path: string): Standing[] {
  return contenders.flatMap(({ name, reference }) => {
    const figures = medians(comparison.runs, name, path);
    return figures === undefined ? [] : [{ name, figures, reference: medians(comparison.runs, reference, path) }];
  });
}

/** `1.07` with two decimals, or a dash where there is nothing to compare with. */
export function ratio(value: number, reference: number | undefined): string {
  const quotient = value / (reference ?? Number.NaN);
  return Number.isFinite(quotient) ? `×${quotient.toFixed(2)}` : "–";
}

export function pathsOf(comparison: Comparison): string[] {
  return [...new Set(comparison.runs.map((run) => run.path))];
}

/** How much of one core the proxy had: well below 1, something else was what limited the throughput. */
export function busyShare({ cpuMicroseconds, requestsPerSecond }: Figures): number {
  return (cpuMicroseconds * requestsPerSecond) / 1_000_000;
}
