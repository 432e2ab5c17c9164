import type { Later } from "../later.ts";

/** After so many ms, or with `signal`; leaves nothing behind on it. */
export function waited(ms: number, later: Later, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      takeBack();
      signal.removeEventListener("abort", done);
      resolve();
    };
    const takeBack = later(done, ms);
    signal.addEventListener("abort", done, { once: true });
    if (signal.aborted) done();
  });
}
