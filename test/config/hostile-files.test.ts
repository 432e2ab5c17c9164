import { describe, expect, test } from "bun:test";
import { chmodSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { loadConfig } from "../../src/control/config/load-config.ts";
import { configFile, errorsOf, tempFolder, withUpstream } from "./config-files.ts";

describe("a file that is no configuration gets one clear message", () => {
  test("a missing file", async () => {
    const loaded = await loadConfig("/nowhere/sluice.yaml");
    expect(loaded.ok ? [] : loaded.errors.map((e) => e.message)).toEqual([
      "cannot read /nowhere/sluice.yaml: no such file",
    ]);
  });

  test("a directory", async () => {
    const folder = tempFolder();
    const loaded = await loadConfig(folder);
    expect(loaded.ok ? [] : loaded.errors.map((e) => e.message)).toEqual([`cannot read ${folder}: it is a directory`]);
  });

  test.skipIf(process.getuid?.() === 0)("an unreadable file (root reads everything)", async () => {
    const file = configFile("routes: []");
    chmodSync(file, 0);
    const loaded = await loadConfig(file);
    expect(loaded.ok ? [] : loaded.errors.map((e) => e.message)).toEqual([`cannot read ${file}: permission denied`]);
  });

  test.each([
    ["an empty file", "", "the file is empty"],
    ["only comments", "# nothing\n", "the file is empty"],
    ["a list", "- a\n- b\n", "expected a map of sections"],
    ["a word", "hello\n", "expected a map of sections"],
    ["bytes that are not UTF-8", new Uint8Array([0x61, 0xff, 0xfe, 0x80]), "is not UTF-8 text"],
    ["a tab as indent", "routes:\n\t- path: /\n", "YAML"],
    ["an open bracket", "routes: [", "not valid YAML"],
    ["two documents", "routes: []\n---\nroutes: []\n", "remove the second ---"],
    ["a key twice", withUpstream("routes: []\nroutes: []"), "the key routes stands twice"],
    ["an unknown anchor", "routes: *none\n", "no anchor is called &none"],
  ])("%s", async (_, content, message) => {
    const errors = await errorsOf(content);
    expect(errors.length).toBe(1);
    expect(errors[0]).toContain(message);
  });
});

test("a few lines of aliases that stand for billions of values are refused at once", async () => {
  const levels = Array.from({ length: 12 }, (_, i) => `x-${i + 1}: &l${i + 1} [${Array(9).fill(`*l${i}`).join(", ")}]`);
  const errors = await errorsOf([`x-0: &l0 [a, a, a]`, ...levels, ""].join("\n"));
  expect(errors.some((error) => error.includes("aliases expand to too many values"))).toBe(true);
});

test("an alias inside its own anchor and endless nesting are refused", async () => {
  expect((await errorsOf("x-a: &a [*a]\nroutes: []\n")).length).toBeGreaterThan(0);
  expect((await errorsOf(`x-a: ${"[".repeat(500)}${"]".repeat(500)}\n`))[0]).toContain("nested deeper");
});

test("keys that name JavaScript's own properties are unknown keys like any other", async () => {
  const errors = await errorsOf("__proto__: { port: 1 }\nconstructor: 1\ntoString: 2\n");
  expect(errors.map((error) => /unknown key "(\w+)"/.exec(error)?.[1])).toEqual([
    "__proto__",
    "constructor",
    "toString",
  ]);
});

test("no text makes loading throw", async () => {
  const file = join(tempFolder(), "any.yaml");
  const words = [
    "routes",
    "upstreams",
    "name",
    "url",
    "path",
    "/*",
    ":",
    "- ",
    "{",
    "}",
    "[",
    "]",
    "&a",
    "*a",
    "<<",
    "${X}",
    "\n",
    "  ",
    "1",
    "null",
    '"',
  ];
  const yaml = fc.array(fc.oneof(fc.constantFrom(...words), fc.string({ maxLength: 5 })), { maxLength: 40 });
  const readFile = (parts: readonly string[]) => () => Buffer.from(parts.join(""), "utf8");
  await fc.assert(
    fc.asyncProperty(yaml, async (parts) => {
      const loaded = await loadConfig(file, { env: {}, readFile: readFile(parts) });
      return loaded.ok || loaded.errors.length > 0;
    }),
    { numRuns: 500 },
  );
});

test("no value of the wrong kind makes loading throw", async () => {
  const value = fc.oneof(
    fc.constant(null),
    fc.integer(),
    fc.boolean(),
    fc.string(),
    fc.constant([]),
    fc.constant({}),
    fc.constant([null]),
  );
  const names = [
    "name",
    "url",
    "endpoints",
    "balance",
    "tls",
    "retries",
    "timeouts",
    "path",
    "upstream",
    "split",
    "redirect",
    "respond",
    "host",
    "methods",
    "headers",
    "auth",
    "plugins",
    "listeners",
    "port",
  ];
  const item = fc.dictionary(fc.constantFrom(...names), value, { maxKeys: 5 });
  const list = fc.oneof(value, fc.array(item, { maxLength: 3 }));
  const keys = [
    "listeners",
    "proxy",
    "upstreams",
    "backend",
    "routes",
    "security",
    "limits",
    "logging",
    "plugins",
    "workers",
    "trustedProxies",
  ];
  await fc.assert(
    fc.asyncProperty(fc.dictionary(fc.constantFrom(...keys), fc.oneof(list, item)), async (config) => {
      const loaded = await loadConfig("/tmp/any.yaml", {
        env: {},
        readFile: () => Buffer.from(JSON.stringify(config)),
      });
      return loaded.ok || loaded.errors.length > 0;
    }),
    { numRuns: 1000 },
  );
});
