import { expect, test } from "bun:test";
import { plugin, Project, routeWith } from "./project.ts";

const CONFIG = routeWith("plugins: [p]");

const BROKEN: Array<[what: string, source: string, says: string]> = [
  ["a slip in the syntax", "export default {\n  a: = 1,\n};\n", "plugins/p.ts:2:6  Unexpected ="],
  [
    "a package that is not there",
    'import { x } from "no-such-package";\nexport default x;\n',
    'plugins/p.ts:1:19  imports "no-such-package", which is not installed: run "bun add no-such-package" in plugins',
  ],
  [
    "a local file that is not there",
    'import x from "./gone.ts";\nexport default x;\n',
    "plugins/p.ts:1:15  Could not resolve",
  ],
  [
    "a top level that throws",
    'interface Gone { in: "types" }\nconst x: unknown = null;\n(x as { y: () => void }).y();\nexport default 1;\n',
    "plugins/p.ts:3:",
  ],
  [
    "something else as default export",
    "export default { name: 'p' };\n",
    "plugins/p.ts  its default export is no plugin",
  ],
  ["a name that is none", plugin("p q"), "a plugin's name is made of letters"],
  ["the test kit", 'import "sluice/testing";\nexport default 1;\n', 'imports "sluice/testing", which is for tests'],
  ["a top level that ends the process", "process.exit(0);\n", "plugins/p.ts  ends the process when it is loaded"],
];

test.each(BROKEN)("%s is told with its file", async (_, source, says) => {
  using project = new Project({ "sluice.yaml": CONFIG, "plugins/p.ts": source });
  const errors = await project.errors();
  expect(errors).toHaveLength(1);
  expect(errors[0]).toContain(says);
  project.write("plugins/p.ts", plugin("p"));
  expect(await project.errors()).toEqual([]);
});

test("a top level that never ends is stopped, and the next plugin is looked at", async () => {
  using project = new Project({ "sluice.yaml": CONFIG, "plugins/p.ts": "for (;;);\n" }, { patienceMs: 1500 });
  expect(await project.errors()).toEqual([
    "plugins/p.ts  does not come to an end when it is loaded: stopped after 1.5 s",
  ]);
  project.write("plugins/p.ts", plugin("p"));
  expect(await project.errors()).toEqual([]);
  expect(project.catalogue.workshop.started).toBe(2);
});

test("what is known of a plugin says what is wrong with it, and what was loaded before", async () => {
  using project = new Project({ "sluice.yaml": CONFIG, "plugins/p.ts": plugin("p") });
  await project.accepted();
  const [good] = project.catalogue.states;
  expect(good).toMatchObject({ name: "p", error: null });
  project.write("plugins/p.ts", "export default {\n");
  await project.errors();
  const [bad] = project.catalogue.states;
  expect(bad).toMatchObject({ name: "p", hash: good!.hash, loadedAt: good!.loadedAt });
  expect(bad!.error).toStartWith("1:");
});

test("a plugin in use that is deleted is refused, and so is one that never was", async () => {
  using project = new Project({ "sluice.yaml": routeWith("plugins: [proper]"), "plugins/proper.ts": plugin("proper") });
  await project.accepted();
  project.write("plugins/propre.ts", plugin("propre"));
  await Bun.file(`${project.folder}/plugins/proper.ts`).delete();
  expect(await project.errors()).toEqual([
    'sluice.yaml:3:42  routes.0.plugins.0  there is no plugin "proper" in plugins/, and none ships by that name (did you mean "propre"?)',
  ]);
});
