import { expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ask, RawClient } from "../kit/raw-client.ts";
import { Sluice } from "../kit/sluice.ts";

/** Answers with how often it was asked, on this machine; `/block` never ends. */
const COUNTING = `
import { definePlugin, t } from "sluice";
export default definePlugin({
  name: "counting",
  config: t.Object({}),
  setup: ({ kv }) => ({
    async request(ctx) {
      if (ctx.path === "/block") for (;;);
      return ctx.respond(200, String(await kv.incr("asked")));
    },
  }),
});
`;

async function counting(workers: number, check: (sluice: Sluice) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "sluice-test-"));
  mkdirSync(join(folder, "plugins"));
  writeFileSync(join(folder, "plugins/counting.ts"), COUNTING);
  const routes = [{ path: "/*", respond: { status: 200, body: "hello" }, plugins: ["counting"] }];
  try {
    await using sluice = await Sluice.start({ workers, plugins: { dir: join(folder, "plugins") }, routes });
    await check(sluice);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("a hook that blocks the only process ends it with 70, and the log names it", async () => {
  await counting(1, async (sluice) => {
    for (const text of ["1", "2", "3"]) expect((await ask(sluice.port)).text).toBe(text);
    const client = await RawClient.connect(sluice.port);
    client.request({ target: "/block" });
    expect(await sluice.process.exited(30_000)).toBe(70);
    expect(sluice.process.stdout).toContain("a hook blocked the event loop: counting request");
    client.close();
  });
}, 40_000);

test("a hook that blocks a worker is named, the worker replaced, and what kv keeps is still there", async () => {
  await counting(2, async (sluice) => {
    const asked: number[] = [];
    for (let i = 1; i <= 20; i++) asked.push(Number((await ask(sluice.port)).text));
    expect(asked).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
    const client = await RawClient.connect(sluice.port);
    client.request({ target: "/block" });
    await sluice.process.says("a hook blocked the worker: counting request");
    await sluice.process.says("worker.started");
    client.close();
    for (let i = 21; i <= 30; i++) expect((await ask(sluice.port)).text).toBe(String(i));
  });
}, 40_000);
