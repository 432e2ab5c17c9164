import { describe, expect, test } from "bun:test";
import { sluiceCommand } from "../kit/sluice.ts";
import { plugin, Project, routeWith } from "./project.ts";

const FIELDS = `origin: t.Upstream(), wait: t.Duration({ default: 1000 }), most: t.Optional(t.Bytes()),
 key: t.Optional(t.Secret()), retries: t.Integer({ default: 2, maximum: 5 }),
 mode: t.Union([t.Literal("strict"), t.Literal("lax")], { default: "strict" }),
 rules: t.Array(t.Object({ name: t.String() }), { default: [] })`;

const project = (use: string, before = "") =>
  new Project({ "plugins/p.ts": plugin("p", FIELDS), "sluice.yaml": routeWith(`plugins: [${use}]`, before) });

describe("a plugin's configuration", () => {
  test("has units, defaults, and numbers that came as text", async () => {
    using loaded = project("{ use: p, with: { origin: api, wait: 5s, most: 10mb, retries: '3' } }");
    expect((await loaded.accepted()).spec.plugins.instances[0]!.config).toEqual({
      origin: "api",
      wait: 5000,
      most: 10 * 2 ** 20,
      retries: 3,
      mode: "strict",
      rules: [],
    });
  });

  test.each([
    ["{ orgin: api, origin: api }", "3:67", ".orgin", 'unknown key "orgin" (did you mean "origin"?)'],
    ["{ origin: apii }", "3:68", ".origin", 'there is no upstream "apii" (did you mean "api"?)'],
    [
      "{ origin: api, wait: 5 parsecs }",
      "3:79",
      ".wait",
      'expected a duration such as 5s or 500 (ms), got "5 parsecs"',
    ],
    ["{ origin: api, retries: 9 }", "3:82", ".retries", "expected integer to be less or equal to 5, got 9"],
    ["{ origin: api, mode: lux }", "3:79", ".mode", 'expected one of strict, lax, got "lux" (did you mean "lax"?)'],
    ["{ origin: api, rules: [{ nam: x }] }", "3:81", ".rules.0", '"name" is missing'],
    ["{ origin: api, key: [] }", "3:78", ".key", "expected text, got a list"],
    ["{}", "3:58", "", '"origin" is missing'],
  ])("with: %s is told where it stands", async (text, at, path, message) => {
    using loaded = project(`{ use: p, with: ${text} }`);
    expect((await loaded.errors())[0]).toBe(`sluice.yaml:${at}  routes.0.plugins.0.with${path}  ${message}`);
  });

  test("a mistake in a definition is told there, once, whoever uses it", async () => {
    using loaded = project(
      "d, { use: d, timeoutMs: 5s }",
      "plugins: { define: { d: { use: p, with: { origin: x } } } }\n",
    );
    expect(await loaded.errors()).toEqual(['sluice.yaml:2:51  plugins.define.d.with.origin  there is no upstream "x"']);
  });

  test("secrets are not shown by check", async () => {
    using loaded = project("{ use: p, with: { origin: api, key: hunter2 } }");
    const check = sluiceCommand(["check", "--show", "--config", loaded.file]);
    expect(await check.exited()).toBe(0);
    expect(check.stdout).toContain('key: "***"');
    expect(check.output).not.toContain("hunter2");
    expect(check.stdout).toContain("1 plugin)");
  });

  test("check says what is wrong with a plugin's file, and explain whose hooks run", async () => {
    using loaded = project("{ use: p, with: { origin: api }, onError: continue }");
    const explain = sluiceCommand(["explain", "GET", "/x", "--config", loaded.file], { cwd: loaded.folder });
    expect(await explain.exited()).toBe(0);
    expect(explain.stdout).toContain("plugin: p (plugins/p.ts, passed over when it fails)");
    loaded.write("plugins/p.ts", "export default {\n  a: = 1,\n};\n");
    const check = sluiceCommand(["check", "--config", loaded.file], { cwd: loaded.folder });
    expect(await check.exited()).toBe(1);
    expect(check.stderr).toStartWith("plugins/p.ts:2:6  Unexpected =");
  });
});
