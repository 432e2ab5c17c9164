import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { run } from "../../src/cli/plugin/new.ts";
import { check } from "../plugin-types/checking.ts";
import { Author } from "./author.ts";

// Each command is a process, and the machine may be busy.
setDefaultTimeout(60_000);

const ROUTE = "routes: [{ path: /*, respond: { status: 200, body: hi }, plugins: [hello] }]\n";

describe("sluice plugin new", () => {
  test("writes a plugin and its test: both pass, have no type error, and a route may use it", async () => {
    using author = new Author();
    author.write("sluice.yaml", ROUTE);
    const written = await author.plugin("new", "hello");
    expect(written).toMatchObject({ code: 0, err: "" });
    expect(written.out).toContain("wrote plugins/hello.ts and plugins/hello.test.ts");

    const tested = await author.plugin("test", "hello");
    expect(tested.err).toContain("2 pass\n 0 fail");
    expect(tested.code).toBe(0);

    expect((await author.plugin("init")).code).toBe(0);
    expect(await check(`${author.folder}/plugins`)).toMatchObject({ errors: [], exitCode: 0 });

    // Neither its test nor what init wrote is taken for a plugin.
    const checked = await author.sluice("check", "--setup", "--strict");
    expect(checked).toEqual({
      code: 0,
      out: "sluice.yaml: ok (1 listener, 0 upstreams, 1 route, 1 plugin)\n",
      err: "",
    });
  });

  test("says how to use it, with a configuration that loads", async () => {
    using author = new Author();
    const { out } = await author.plugin("new", "hello", "--dir", "mine");
    expect(out).toContain("wrote mine/hello.ts");
    const lines = out.split("\n").filter((line) => /^ {2}plugins:/.test(line));
    expect(lines).toHaveLength(2);
    author.write("sluice.yaml", `${lines[0]!.trim()}\nroutes:\n- path: /*\n  respond: { status: 200 }\n${lines[1]}\n`);
    expect(await author.sluice("check")).toMatchObject({ code: 0, err: "" });
    const next = /sluice (plugin test .*)/.exec(out)![1]!;
    expect(await author.sluice(...next.split(" "))).toMatchObject({ code: 0 });
  });

  test("writes where the configuration has its plugins", async () => {
    using author = new Author();
    author.write("etc/sluice.yaml", "plugins: { dir: [ours, theirs] }\nroutes: [{ broken }]\n");
    const { out } = await author.plugin("new", "hello", "--config", "etc/sluice.yaml");
    expect(out).toContain("wrote etc/ours/hello.ts");
    expect(author.has("etc/ours/hello.test.ts")).toBe(true);
  });

  test.each(["hello.ts", "hello.js", "hello.test.ts", "hello/index.ts"])("overwrites nothing: %s", async (file) => {
    using author = new Author();
    author.write(`plugins/${file}`, "mine");
    const { code, err } = await author.plugin("new", "hello");
    expect(code).toBe(1);
    expect(err).toMatch(/plugins\/hello\S* is there already; nothing was written/);
    expect(author.read(`plugins/${file}`)).toBe("mine");
    const others = ["hello.ts", "hello.test.ts"].filter((other) => other !== file);
    expect(others.filter((other) => author.has(`plugins/${other}`))).toEqual([]);
  });

  test.each([
    ["../evil", "is made of letters"],
    ["a/b", "is made of letters"],
    ["", "is made of letters"],
    [".hidden", "is made of letters"],
    ['a"b', "is made of letters"],
    ["a\nb", "is made of letters"],
    ["ü", "is made of letters"],
    ["a".repeat(101), "is made of letters"],
    ["hello.ts", "without its ending: hello"],
    ["hello.test", "would not be taken for a plugin"],
    ["cors", "ships with Sluice"],
    ["node_modules", "choose another name"],
  ])("refuses %j as a name", (name, says) => {
    using author = new Author();
    const said: string[] = [];
    const io = { out: (text: string) => void said.push(text), err: (text: string) => void said.push(text) };
    expect(run([name, "--dir", join(author.folder, "plugins")], io)).toBe(2);
    expect(said.join()).toContain(says);
    expect(author.has("plugins")).toBe(false);
  });

  test("wants a name, and nothing but what it knows", async () => {
    using author = new Author();
    expect(await author.plugin("new")).toMatchObject({ code: 2 });
    expect(await author.plugin("new", "a", "b")).toMatchObject({ code: 2 });
    expect(await author.plugin("nwe", "a")).toMatchObject({ code: 2 });
    expect(await author.plugin()).toMatchObject({ code: 2 });
    expect(await author.plugin("--help")).toMatchObject({ code: 0, err: "" });
  });

  test("says why it cannot write", async () => {
    using author = new Author();
    author.write("plugins", "a file");
    const { code, err } = await author.plugin("new", "hello");
    expect([code, err]).toEqual([1, "sluice plugin new: cannot write to plugins: EEXIST\n"]);
  });
});
