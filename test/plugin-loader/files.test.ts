import { describe, expect, test } from "bun:test";
import { readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { SHIPPED_PLUGINS } from "../../src/shipped-plugins.ts";
import { ROOT } from "../kit/sluice.ts";
import { plugin, Project, routeWith, UPSTREAM } from "./project.ts";

describe("where a plugin is found", () => {
  test.each([
    ["NAME.ts", "plugins/p.ts", {}],
    ["NAME.js", "plugins/p.js", {}],
    ["a folder's index.ts", "plugins/p/index.ts", {}],
    [
      "what package.json exports",
      "plugins/p/src/main.ts",
      { "plugins/p/package.json": '{ "exports": { ".": "./src/main.ts" } }' },
    ],
    ["what package.json calls main", "plugins/p/lib.js", { "plugins/p/package.json": '{ "main": "lib.js" }' }],
  ])("%s", async (_, name, others) => {
    using project = new Project({ ...others, [name]: plugin("mine"), "sluice.yaml": routeWith("plugins: [p]") });
    const loaded = await project.accepted();
    expect(loaded.spec.plugins.instances).toMatchObject([{ name: "mine" }]);
    expect(loaded.files).toContain(join(project.folder, name));
    expect(loaded.files).toContain(join(project.folder, "plugins"));
  });

  test("a file of the user's goes before one that ships", async () => {
    using project = new Project({
      "plugins/headers.ts": plugin("headers"),
      "sluice.yaml": routeWith("plugins: [headers]"),
    });
    const { module } = (await project.accepted()).spec.plugins.instances[0]!;
    expect(module).not.toContain("shipped:");
  });

  test("in Sluice's own folder, what ships is used as it ships", async () => {
    const text = routeWith(
      "plugins: [security-headers]",
      `plugins: { dir: ${JSON.stringify(join(ROOT, "plugins"))} }\n`,
    );
    using project = new Project({ "sluice.yaml": text });
    const { spec, warnings } = await project.accepted();
    expect(spec.plugins.instances[0]!.module).toBe("shipped:security-headers");
    expect(warnings).toEqual([]);
  });

  test("everything in plugins/ ships, under its file's name", () => {
    const entries = readdirSync(join(ROOT, "plugins"), { withFileTypes: true });
    const names = entries
      .filter((entry) => entry.isDirectory() || /^[\w-]+\.ts$/.test(entry.name))
      .map(({ name }) => name.replace(/\.ts$/, ""));
    expect(Object.keys(SHIPPED_PLUGINS).sort()).toEqual(names.sort());
  });
});

describe("what is loaded", () => {
  test("is a module of its own for each content, in a folder only its owner can enter, gone at the end", async () => {
    const project = new Project({ "plugins/p.ts": plugin("p"), "sluice.yaml": routeWith("plugins: [p]") });
    const first = (await project.accepted()).spec.plugins.instances[0]!;
    expect(statSync(dirname(first.module)).mode & 0o777).toBe(0o700);
    project.write("plugins/p.ts", plugin("p", "n: t.Number({ default: 1 })"));
    const second = (await project.accepted()).spec.plugins.instances[0]!;
    expect(second.module).not.toBe(first.module);
    expect(second.config).toEqual({ n: 1 });
    project[Symbol.dispose]();
    expect(() => statSync(dirname(first.module))).toThrow();
  });

  test("changes with a local import, which is watched too", async () => {
    using project = new Project({
      "plugins/p.ts": `import { limit } from "./lib/limit.ts";\n${plugin("p", "n: t.Number({ default: limit })")}`,
      "plugins/lib/limit.ts": "export const limit: number = 1;\n",
      "sluice.yaml": routeWith("plugins: [p]"),
    });
    const before = await project.accepted();
    expect(before.files).toContain(join(project.folder, "plugins/lib/limit.ts"));
    project.write("plugins/lib/limit.ts", "export const limit: number = 2;\n");
    const after = await project.accepted();
    expect(after.spec.plugins.instances[0]!.config).toEqual({ n: 2 });
    expect(after.spec.plugins.instances[0]!.key).not.toBe(before.spec.plugins.instances[0]!.key);
  });

  test("is the same instance while nothing changes", async () => {
    using project = new Project({ "plugins/p.ts": plugin("p"), "sluice.yaml": routeWith("plugins: [p]") });
    const before = await project.accepted();
    project.catalogue.workshop.close();
    expect((await project.accepted()).spec).toEqual(before.spec);
  });

  test("may import packages: its own folder's, else Sluice's", async () => {
    using project = new Project({
      "plugins/p.ts": `import { word } from "own";\nimport { SignJWT } from "jose";\n${plugin("p", "w: t.String({ default: word + typeof SignJWT })")}`,
      "plugins/node_modules/own/package.json": '{ "name": "own", "main": "index.js" }',
      "plugins/node_modules/own/index.js": 'exports.word = "hi ";',
      "sluice.yaml": routeWith("plugins: [p]"),
    });
    expect((await project.accepted()).spec.plugins.instances[0]!.config).toEqual({ w: "hi function" });
  });
});

describe("the workshop", () => {
  test("is not there for a configuration without plugins, nor for files that nobody uses", async () => {
    using project = new Project({
      "plugins/p.ts": plugin("p"),
      "sluice.yaml": UPSTREAM + "routes: [{ upstream: api }]\n",
    });
    await project.accepted();
    expect(project.catalogue.workshop.started).toBe(0);
  });

  test("is replaced before it grows", async () => {
    using project = new Project(
      { "plugins/p.ts": plugin("p"), "sluice.yaml": routeWith("plugins: [p]") },
      { maxLoads: 3 },
    );
    for (let i = 0; i < 7; i++) {
      project.write("plugins/p.ts", plugin("p", `n: t.Number({ default: ${i} })`));
      expect((await project.accepted()).spec.plugins.instances[0]!.config).toEqual({ n: i });
    }
    expect(project.catalogue.workshop.started).toBe(3);
  });

  test("ends when there is nothing to do", async () => {
    using project = new Project(
      { "plugins/p.ts": plugin("p"), "sluice.yaml": routeWith("plugins: [p]") },
      { idleMs: 1 },
    );
    await project.accepted();
    while (project.catalogue.workshop.isRunning) await new Promise((resolve) => setImmediate(resolve));
    project.write("plugins/p.ts", plugin("p2"));
    expect((await project.accepted()).spec.plugins.instances[0]!.name).toBe("p2");
  });
});
