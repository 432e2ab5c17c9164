/** A worker of the shared-breaker test: `bun breaker-worker.ts PATH COMMAND`. Prints what happened as JSON. */
import { CircuitBreaker } from "../../src/proxy/upstream/health/circuit-breaker.ts";
import { machineClockOffset } from "../../src/proxy/upstream/health/machine-clock.ts";
import { SETTINGS } from "./breakers.ts";

const [path = "", command = ""] = process.argv.slice(2);
const bytes = Bun.mmap(path, { shared: true });
const words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
const now = () => performance.now();
const changes: string[] = [];
const ROUNDS = 2_000;
const breaker = new CircuitBreaker(
  words,
  { ...SETTINGS, consecutiveFailures: 3, failureRatio: 0.5, openMs: 1, halfOpenRequests: 2, probeMs: 400 },
  { clockOffsetMs: machineClockOffset(now()), onChange: (change) => changes.push(change.to) },
);

/** Storms through the states together with another process. */
function storm(): void {
  for (let i = 0; i < ROUNDS; i++) {
    const at = now();
    if (!breaker.allows(at)) {
      Bun.sleepSync(1);
      continue;
    }
    if (i % 3 === 0) breaker.succeeded(now(), now() - at);
    else if (i % 7 === 0) breaker.cancelled(now(), now() - at);
    else breaker.failed(now(), now() - at);
  }
}

switch (command) {
  case "storm":
    storm();
    break;
  case "open":
    for (let i = 0; i < 3; i++) breaker.failed(now(), 0);
    break;
  case "take-probes-and-die":
    while (!breaker.allows(now())) Bun.sleepSync(1);
    while (breaker.allows(now()));
    console.log(JSON.stringify({ state: breaker.state }));
    process.kill(process.pid, "SIGKILL");
}
console.log(JSON.stringify({ state: breaker.state, changes }));
