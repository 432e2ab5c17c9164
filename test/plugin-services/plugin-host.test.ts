import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { t } from "../../src/contract/schema.ts";
import { definePlugin } from "../../src/contract/define-plugin.ts";
import { createHookPage, HOOK_PAGE_BYTES, HookPage, LABELS, mapHookPage } from "../../src/plugin-services/hook-page.ts";
import { createPluginHost } from "../../src/plugin-services/plugin-host.ts";
import { capturedLog } from "./captured-log.ts";

const shippedOne = definePlugin({ name: "one", config: t.Object({}), setup: () => ({}) });

function host() {
  const { log, lines } = capturedLog();
  const shipped = async (name: string) => {
    if (name === "one") return { default: shippedOne };
    throw new Error(`nothing called ${name}`);
  };
  const watch = new HookPage(new ArrayBuffer(HOOK_PAGE_BYTES));
  return { lines, host: createPluginHost({ log, shipped, watch }) };
}

async function withFile(source: string, check: (path: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "sluice-test-"));
  try {
    const path = join(folder, "module.ts");
    writeFileSync(path, source);
    await check(path);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe("loading", () => {
  test("gives the plugin that a file exports, and counts each module once", async () => {
    const source = `export default { name: "mine", [Symbol.for("sluice.plugin")]: true };`;
    await withFile(source, async (path) => {
      const { host: ours } = host();
      expect((await ours.load(path)).name).toBe("mine");
      expect(await ours.load(path)).toBe(await ours.load(path));
      expect(ours.modulesLoaded).toBe(1);
    });
  });

  test("gives a plugin that ships, which costs no module", async () => {
    const { host: ours } = host();
    expect(await ours.load("shipped:one")).toBe(shippedOne);
    expect(ours.modulesLoaded).toBe(0);
    await expect(ours.load("shipped:two")).rejects.toThrow("nothing called two");
  });

  test("says what is wrong with a module that is no plugin", async () => {
    const { host: ours } = host();
    await withFile("export const x = 1;", async (path) => {
      await expect(ours.load(path)).rejects.toThrow(`${path} is no plugin: there is no default export`);
    });
    await withFile("export default { setup() {} };", async (path) => {
      await expect(ours.load(path)).rejects.toThrow("write: export default definePlugin(");
    });
    await withFile(`throw new Error("not today");`, async (path) => {
      await expect(ours.load(path)).rejects.toThrow("not today");
    });
    await expect(ours.load("relative.ts")).rejects.toThrow("no absolute path");
  });
});

describe("the log of plugins", () => {
  test("carries its fields in every line, and what a line says of itself does not replace them", () => {
    const { host: ours, lines } = host();
    const log = ours.log({ plugin: "jwt", requestId: "r1" });
    log.warn("odd", { kid: "7", plugin: "other", level: "fatal", msg: "forged" });
    log.info("plain");
    expect(lines).toMatchObject([
      { level: "warn", msg: "odd", plugin: "jwt", requestId: "r1", kid: "7", level_: "fatal", msg_: "forged" },
      { level: "info", msg: "plain", plugin: "jwt", requestId: "r1" },
    ]);
  });
});

describe("the hook page", () => {
  test("shows another process's view what runs and what waits", () => {
    const named = createHookPage();
    const page = mapHookPage(named.path);
    named.unlink();
    expect(() => mapHookPage(named.path)).toThrow();
    expect([named.running(), named.pending()]).toEqual([null, []]);
    page.cell[0] = page.label("jwt request");
    page.cell[page.label("cors response")] = 1;
    expect([named.running(), named.pending()]).toEqual(["jwt request", ["cors response"]]);
    page.cell[0] = 0;
    expect(named.running()).toBeNull();
  });

  test("gives the same text the same number, and 0 when there are no numbers left", () => {
    const page = new HookPage(new SharedArrayBuffer(HOOK_PAGE_BYTES));
    for (let i = 1; i <= LABELS; i++) expect(page.label(`plugin-${i} request`)).toBe(i);
    expect(page.label("one more")).toBe(0);
    expect(page.label("plugin-7 request")).toBe(7);
    page.cell[0] = LABELS;
    expect(page.running()).toBe(`plugin-${LABELS} request`);
  });

  test("cuts a text that is too long, and touches no other", () => {
    const page = new HookPage(new ArrayBuffer(HOOK_PAGE_BYTES));
    const long = page.label("ä".repeat(200));
    const next = page.label("next");
    page.cell[0] = long;
    expect(page.running()).toBe("ä".repeat(60));
    page.cell[0] = next;
    expect(page.running()).toBe("next");
  });
});
