import { availableParallelism } from "node:os";

/** Where things run, as `taskset -c` takes it. */
export interface Cores {
  readonly proxy: string;
  readonly load: string;
}

/** The proxy's cores: core 0, and for more workers the cores the load leaves, or its own where there is no other. */
export function proxyCores(cores: Cores, wanted: number): string {
  const mine = cores.proxy.split(",");
  if (mine.length >= wanted) return cores.proxy;
  const load = cores.load.split(",");
  const others = Array.from({ length: availableParallelism() }, (_, core) => String(core)).filter(
    (core) => !mine.includes(core),
  );
  const free = others.filter((core) => !load.includes(core));
  return [...mine, ...free, ...others.filter((core) => load.includes(core))].slice(0, wanted).join(",");
}

/** True when the proxy has to share a core with origin and load, which then is what limits it. */
export function sharesCore(cores: Cores, wanted: number): boolean {
  const load = cores.load.split(",");
  return proxyCores(cores, wanted)
    .split(",")
    .some((core) => load.includes(core));
}
