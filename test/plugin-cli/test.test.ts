import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { Author, LOUD, marking } from "./author.ts";

// Each command is a process, and the machine may be busy.
setDefaultTimeout(60_000);

/** Expects `mark`, from a folder of the word it gives. */
function testOf(mark: string): string {
  return `import { expect, test } from "bun:test";
import { testPlugin } from "sluice/testing";
import plugin from "./mark.ts";
test("marks", async () => {
  await using kit = await testPlugin(plugin);
  expect((await kit.request("/")).headers.get("X-Mark")).toBe(${JSON.stringify(mark)});
});
`;
}

function pluginIn(author: Author, folder: string): void {
  author.write(`${folder}/mark.ts`, marking("a"));
  author.write(`${folder}/words/loud.ts`, LOUD);
  author.write(`${folder}/mark.test.ts`, testOf("a!"));
}

describe("sluice plugin test", () => {
  test.each([[[]], [["plugins"]], [["mark"]], [["plugins/mark.ts"]], [["plugins/mark.test.ts"]]])(
    "runs the tests of a folder without node_modules: %j",
    async (words) => {
      using author = new Author();
      pluginIn(author, "plugins");
      const { code, err } = await author.plugin("test", ...words);
      expect(err).toContain("1 pass\n 0 fail");
      expect(code).toBe(0);
    },
  );

  test("runs them after init too, whose tsconfig.json leads to types", async () => {
    using author = new Author();
    pluginIn(author, "plugins");
    await author.plugin("init");
    expect(await author.plugin("test")).toMatchObject({ code: 0 });
  });

  test("fails with a test that fails, whatever the others do", async () => {
    using author = new Author();
    pluginIn(author, "one");
    pluginIn(author, "two");
    author.write("one/mark.test.ts", testOf("b!"));
    author.write("sluice.yaml", "plugins: { dir: [one, two] }\n");
    const { code, err } = await author.plugin("test");
    expect(code).toBe(1);
    expect(err).toContain('Expected: "b!"');
    expect(err.match(/Ran 1 test across 1 file/g)).toHaveLength(2);
  });

  test("finds packages as the proxy does: the folder's own, else those of Sluice", async () => {
    using author = new Author();
    author.write("plugins/node_modules/own/package.json", '{ "name": "own", "main": "index.js" }');
    author.write("plugins/node_modules/own/index.js", "export const own = 1;");
    author.write("plugins/node_modules/own/own.test.js", "throw new Error('not ours')");
    author.write(
      "plugins/packages.test.ts",
      `import { expect, test } from "bun:test";
import { own } from "own";
import { parse } from "yaml";
import { t } from "sluice";
test("imports", () => expect([own, parse("a: 1"), t.String().type]).toEqual([1, { a: 1 }, "string"]));
`,
    );
    const { code, err } = await author.plugin("test");
    expect(err).toContain("1 pass\n 0 fail");
    expect(code).toBe(0);
  });

  test("says where it looked when there are no tests", async () => {
    using author = new Author();
    author.write("plugins/mark.ts", marking("a"));
    for (const words of [[], ["plugins"], ["mark"], ["gone"], ["plugins/mark.ts"]]) {
      const { code, err } = await author.plugin("test", ...words);
      expect(code).toBe(1);
      expect(err).toBe(
        `sluice plugin test: no tests (*.test.ts) for ${words[0] ?? "plugins"}; \`sluice plugin new NAME\` writes a first one\n`,
      );
    }
  });
});
