import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { check } from "../plugin-types/checking.ts";
import { Author, LOUD, marking } from "./author.ts";

// Each command is a process, and the machine may be busy.
setDefaultTimeout(60_000);

const TEST = `import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { testPlugin } from "sluice/testing";
import mark from "./mark.ts";
test("marks", async () => {
  await using kit = await testPlugin(mark, { config: { times: 2 } });
  const reply = await kit.request("/");
  expect(createHash("sha256").update(reply.headers.get("x-mark") ?? "").digest("hex")).toHaveLength(64);
});
`;

describe("sluice plugin init", () => {
  test("makes a folder whose plugins and tests are understood, Bun's and Node's modules too", async () => {
    using author = new Author();
    author.write("mark.ts", marking("a"));
    author.write("words/loud.ts", LOUD);
    author.write("mark.test.ts", TEST);
    expect(await author.plugin("init", ".")).toMatchObject({ code: 0, err: "" });
    expect(await check(author.folder)).toMatchObject({ errors: [], exitCode: 0 });
    expect(author.read(".sluice/.gitignore")).toBe("*\n");

    author.write("mark.ts", marking("a").replace("response:", "responze:"));
    const { errors, exitCode } = await check(author.folder);
    expect([errors[0], exitCode]).toEqual(["mark.ts:7", 1]);
  });

  test("may be repeated, and takes away what an older version left", async () => {
    using author = new Author();
    await author.plugin("init", ".");
    const [config, types] = [author.read("tsconfig.json"), author.read(".sluice/sluice/plugin.ts")];
    author.write(".sluice/sluice/plugin.ts", "old");
    author.write(".sluice/sluice/gone.ts", "old");
    author.write(".sluice/mine.txt", "mine");
    const again = await author.plugin("init", ".");
    expect(again).toMatchObject({ code: 0, err: "" });
    expect(again.out).toContain("tsconfig.json leads there already");
    expect([author.read("tsconfig.json"), author.read(".sluice/sluice/plugin.ts")]).toEqual([config, types]);
    expect([author.has(".sluice/sluice/gone.ts"), author.has(".sluice/mine.txt")]).toEqual([false, true]);
  });

  test("leaves a tsconfig.json alone and says the lines that it needs, which are enough", async () => {
    using author = new Author();
    const own = '{ "compilerOptions": { "strict": true, "exactOptionalPropertyTypes": true, "noUnusedLocals": true } }';
    author.write("tsconfig.json", own);
    author.write("mark.ts", marking("a"));
    author.write("words/loud.ts", LOUD);
    const { code, out } = await author.plugin("init", ".");
    expect(code).toBe(0);
    expect(author.read("tsconfig.json")).toBe(own);
    expect((await check(author.folder)).errors).toContain("mark.ts:1");

    const lines = out.slice(out.indexOf("compilerOptions need:") + "compilerOptions need:".length);
    author.write("tsconfig.json", own.replace('"strict": true', `"strict": true, ${lines}`));
    expect(await check(author.folder)).toMatchObject({ errors: [], exitCode: 0 });
    expect((await author.plugin("init", ".")).out).toContain("leads there already");
  });

  test("says why it cannot write", async () => {
    using author = new Author();
    author.write("file", "");
    const { code, err } = await author.plugin("init", "file");
    expect(code).toBe(1);
    expect(err).toMatch(/^sluice plugin init: cannot write to file: E\w+\n$/);
  });
});
