import { describe, expect, test } from "bun:test";
import { namesOf, plugin, Project, routeWith, UPSTREAM } from "./project.ts";

const FILES = {
  "plugins/a.ts": plugin("a", "n: t.Optional(t.Integer())"),
  "plugins/b.ts": plugin("b"),
  "plugins/c.ts": plugin("c"),
};

describe("which plugins a route has", () => {
  const ALL = "plugins: { all: [a, { use: named }], define: { named: { use: b } } }\n";
  test.each([
    ["those of every route, then its own", "plugins: [c]", ["a", "b", "c"]],
    ["without what it skips by a definition's name", "skip: [named], plugins: [c]", ["a", "c"]],
    ["without what it skips by the plugin's name", "skip: [b], plugins: [c]", ["a", "c"]],
    ["without what is switched off", "plugins: [{ use: c, enabled: false }]", ["a", "b"]],
    ["the same one twice, where it says so", "plugins: [c, c]", ["a", "b", "c", "c"]],
  ])("%s", async (_, fields, names) => {
    using project = new Project({ ...FILES, "sluice.yaml": routeWith(fields, ALL) });
    const loaded = await project.accepted();
    expect(namesOf(loaded.spec.routes[0]!.plugins, loaded)).toEqual(names);
    expect(namesOf(loaded.spec.plugins.all, loaded)).toEqual(["a", "b"]);
  });

  test("the same configuration is one instance, another is another", async () => {
    const list =
      "plugins: [{ use: a, with: { n: 1 } }, { use: a, with: { n: 2 } }, { use: a, with: { n: '1' }, timeoutMs: 5s }]";
    using project = new Project({ ...FILES, "sluice.yaml": routeWith(list) });
    const { spec } = await project.accepted();
    expect(spec.plugins.instances.map(({ config }) => config)).toEqual([{ n: 1 }, { n: 2 }]);
    const [first, second, third] = spec.routes[0]!.plugins;
    expect(third).toEqual({ ...first!, timeoutMs: 5000 });
    expect(second!.key).not.toBe(first!.key);
  });

  test("a use adds to what its definition says, and wins", async () => {
    const before = "plugins: { define: { d: { use: a, with: { n: 1 }, onError: continue, timeoutMs: 3s } } }\n";
    using project = new Project({
      ...FILES,
      "sluice.yaml": routeWith("plugins: [d, { use: d, with: { n: 2 }, timeoutMs: 4s }]", before),
    });
    const { spec } = await project.accepted();
    expect(spec.plugins.instances.map(({ config }) => config)).toEqual([{ n: 1 }, { n: 2 }]);
    expect(spec.routes[0]!.plugins).toMatchObject([
      { timeoutMs: 3000, onError: "continue" },
      { timeoutMs: 4000, onError: "continue" },
    ]);
  });

  test("a definition does not stand for another", async () => {
    const before = "plugins: { define: { d: { use: a }, e: { use: d } } }\n";
    using project = new Project({ ...FILES, "sluice.yaml": routeWith("plugins: [e, d]", before) });
    expect(await project.errors()).toEqual([
      'sluice.yaml:2:47  plugins.define.e.use  there is no plugin "d" in plugins/, and none ships by that name ("d" is a definition, and definitions name plugins)',
    ]);
  });

  test("labels, server timing and the shared store are handed on", async () => {
    const text = routeWith(
      "labels: { team: web, tier: 1 }",
      "plugins: { serverTiming: true }\nredis: { url: redis://h }\n",
    );
    using project = new Project({ "sluice.yaml": text });
    const { spec } = await project.accepted();
    expect(spec.routes[0]!.labels).toEqual({ team: "web", tier: "1" });
    expect(spec).toMatchObject({ redisUrl: "redis://h", plugins: { serverTiming: true, showErrors: false } });
  });
});

describe("what nobody uses is said", () => {
  test("a file, a definition, a skip of nothing, a folder that is not there", async () => {
    const before = "plugins: { dir: [plugins, more], define: { d: { use: a } } }\n";
    using project = new Project({ ...FILES, "sluice.yaml": routeWith("plugins: [c], skip: [b]", before) });
    const warnings = await project.warnings();
    expect(warnings.map((line) => line.replaceAll(`${project.folder}/`, ""))).toEqual([
      'plugins no route uses the plugin "b"',
      "plugins.dir there is no folder more",
      'plugins.define.d no route uses "d"',
      'routes.0.skip.0 "b" is not in plugins.all: there is nothing to skip',
    ]);
  });

  test("but not tests, declarations and other files", async () => {
    const files = { "plugins/x.test.ts": "", "plugins/x.d.ts": "", "plugins/README.md": "", "plugins/lib/more.ts": "" };
    using project = new Project({ ...files, "sluice.yaml": UPSTREAM + "routes: [{ upstream: api }]\n" });
    expect(await project.warnings()).toEqual([]);
  });
});

describe("what a plugin needs of the state", () => {
  const NEEDS = {
    "plugins/user.ts": plugin("user", "", "provides: { user: '' },"),
    "plugins/greet.ts": plugin("greet", "", "needs: { user: '' },"),
  };
  test.each([
    ["[user, greet]", []],
    ["[greet, user]", ['"user" provides it: put it before']],
    ["[greet]", ['the plugin "user" provides it']],
  ])("%s", async (list, hints) => {
    using project = new Project({ ...NEEDS, "sluice.yaml": routeWith(`plugins: ${list}`) });
    const errors = await project.errors();
    expect(errors).toHaveLength(hints.length);
    for (const hint of hints)
      expect(errors[0]).toContain(`plugin "greet" needs ctx.state.user, which no plugin before it provides (${hint})`);
  });

  test("is looked for on every route: one that skips its provider is refused", async () => {
    const text = routeWith("skip: [user]", "plugins: { all: [user, greet] }\n");
    using project = new Project({ ...NEEDS, "sluice.yaml": text });
    expect((await project.errors())[0]).toContain("which no plugin before it provides on routes.0");
  });
});
