import { describe, expect, test } from "bun:test";
import { eventually } from "../kit/eventually.ts";
import { ask } from "../kit/raw-client.ts";
import { RawOrigin } from "../kit/raw-origin.ts";
import { type Config, Sluice } from "../kit/sluice.ts";
import { startLoad } from "../lifecycle/load.ts";
import { PluginFolder } from "./plugin-folder.ts";

const configOf = (folder: PluginFolder, origin: RawOrigin, workers: number): Config => ({
  workers,
  logging: { level: "debug", access: "off" },
  plugins: { dir: folder.path },
  upstreams: [{ name: "api", url: origin.url }],
  routes: [{ path: "/*", upstream: "api", plugins: ["word"] }],
});

const says = (folder: PluginFolder, word: string) =>
  folder.write("word", `async response(ctx) { await Bun.sleep(1); ctx.reply.headers.set("X-Word", "${word}"); }`);

const heard = (sluice: Sluice, word: string, workers: number) =>
  eventually(`the word ${word}`, async () => {
    const replies = await Promise.all(Array.from({ length: 8 * workers }, () => ask(sluice.port)));
    return replies.every((reply) => reply.header("x-word") === word);
  });

for (const workers of [1, 2]) {
  describe(`a plugin file saved under load, workers: ${workers}`, () => {
    test("runs for the next request, fails none, and every old generation is closed", async () => {
      using folder = new PluginFolder();
      await using origin = await RawOrigin.start((request) => request.reply({ body: "ok" }));
      says(folder, "first");
      await using sluice = await Sluice.start(configOf(folder, origin, workers));
      const load = startLoad(sluice.port, 4);
      const rounds = 10;
      for (let round = 0; round < rounds; round++) {
        says(folder, `round-${round}`);
        await heard(sluice, `round-${round}`, workers);
      }
      expect(await load.stop()).toEqual([]);
      await eventually("the old generations' end", () => sluice.timesLogged('"plugin.closed"') === rounds * workers);
      expect(sluice.timesLogged('"plugin.setup"')).toBe((rounds + 1) * workers);
    });

    test("broken in five ways, or gone, leaves the old generation serving and says where", async () => {
      using folder = new PluginFolder();
      await using origin = await RawOrigin.start((request) => request.reply({ body: "ok" }));
      says(folder, "good");
      await using sluice = await Sluice.start(configOf(folder, origin, workers));
      const load = startLoad(sluice.port, 4);
      const rejected = () => sluice.timesLogged("configuration rejected");
      const breaks: ReadonlyArray<readonly [says: string, how: () => void]> = [
        [
          "word.ts:5:",
          () => folder.save("word.ts", 'import { definePlugin, t } from "sluice";\n\n\n\nexport default (((;\n'),
        ],
        ["at the top", () => folder.save("word.ts", 'throw new Error("at the top");\n')],
        ["default export", () => folder.save("word.ts", "export const nothing = 1;\n")],
        ["no database", () => folder.write("word", "", 'throw new Error("no database");')],
        ["reqest", () => folder.write("word", "reqest() {}")],
        ["not-installed", () => folder.save("word.ts", 'import "not-installed";\n')],
        ['no plugin \\"word\\"', () => folder.remove("word.ts")],
      ];
      for (const [text, how] of breaks) {
        const before = rejected();
        how();
        await eventually(`a rejection after ${text}`, () => rejected() > before);
        expect(sluice.process.output).toContain(text);
        expect((await ask(sluice.port)).header("x-word")).toBe("good");
      }
      says(folder, "mended");
      await heard(sluice, "mended", workers);
      expect(await load.stop()).toEqual([]);
    });
  });
}

describe("a set-up that fails at the first start", () => {
  const failing = (folder: PluginFolder, more: object, port: number): Config => ({
    listeners: [{ name: "web", host: "127.0.0.1", port }],
    plugins: { dir: folder.path },
    routes: [
      { path: "/open", respond: { body: "open" } },
      { path: "/*", respond: { body: "behind" }, plugins: [{ use: "word", ...more }] },
    ],
  });

  test("ends Sluice with one message", async () => {
    using folder = new PluginFolder();
    folder.write("word", "", 'throw new Error("no database");');
    const error = await Sluice.start((port) => failing(folder, {}, port)).catch((cause: Error) => cause);
    expect(String(error)).toContain("word.ts");
    expect(String(error)).toContain("setup(): no database");
  });

  test("with onSetupError: retry closes its routes with 503 until it works", async () => {
    using folder = new PluginFolder();
    folder.write(
      "word",
      'response(ctx) { ctx.reply.headers.set("X-Word", "ready"); }',
      'if (globalThis.tries === undefined) { globalThis.tries = 1; throw new Error("no database"); }',
    );
    await using sluice = await Sluice.start((port) => failing(folder, { onSetupError: "retry" }, port));
    const closed = await ask(sluice.port, { target: "/x" });
    expect([closed.status, closed.header("retry-after")]).toEqual([503, "5"]);
    expect((await ask(sluice.port, { target: "/open" })).text).toBe("open");
    await eventually("the set-up", async () => (await ask(sluice.port, { target: "/x" })).header("x-word") === "ready");
  });
});
