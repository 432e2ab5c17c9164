import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type RunningProxy, startProxy } from "../../src/start-proxy.ts";
import { eventually } from "../kit/eventually.ts";
import { freePort } from "../kit/free-port.ts";
import { ask } from "../kit/raw-client.ts";
import { toYaml } from "../kit/sluice.ts";

function requestsOf(proxy: RunningProxy): number {
  let sum = 0;
  for (let slot = 0; slot < proxy.counters.slots; slot++) sum += proxy.counters.read(slot).requests;
  return sum;
}

function configuration(port: number, routes: number): string {
  const list = Array.from({ length: routes }, (_, i) => {
    return { name: `r${i}`, path: i === 0 ? "/*" : `/r${i}`, respond: { status: 200, body: "x" } };
  });
  return toYaml({
    listeners: [{ host: "127.0.0.1", port }],
    workers: 2,
    routes: list,
    logging: { level: "fatal", access: "off" },
  });
}

test("no counter goes backwards while workers are killed and pages are outgrown", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sluice-test-"));
  const port = await freePort();
  const file = join(folder, "sluice.yaml");
  writeFileSync(file, configuration(port, 1));
  const proxy = await startProxy({ file, mode: "serve", warn: () => undefined });
  try {
    let most = 0;
    let replies = 0;
    const send = async () => {
      for (let i = 0; i < 20; i++) {
        replies += (await ask(port)).status === 200 ? 1 : 0;
        const now = requestsOf(proxy);
        expect(now).toBeGreaterThanOrEqual(most);
        most = now;
      }
    };
    await send();
    for (let kills = 0; kills < 2; kills++) {
      const { pid } = proxy.workers[kills]!;
      // A reply leaves before it is counted: who is killed in between has lost that one.
      await eventually("the replies so far to be counted", () => requestsOf(proxy) === replies);
      process.kill(pid!, "SIGKILL");
      await eventually("its replacement", () => {
        const { state, pid: now } = proxy.workers[kills]!;
        return state === "serving" && now !== pid;
      });
      await send();
    }
    writeFileSync(file, configuration(port, 300));
    await proxy.reload();
    await send();
    expect((await ask(port, { target: "/r299" })).status).toBe(200);
    await eventually("all replies to be counted", () => requestsOf(proxy) === replies + 1);
  } finally {
    await proxy.shutDown();
    rmSync(folder, { recursive: true });
  }
});
