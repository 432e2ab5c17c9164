import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArguments } from "../../src/cli/arguments.ts";
import { run as check } from "../../src/cli/check.ts";
import { run as init } from "../../src/cli/init.ts";
import { run as schema } from "../../src/cli/schema.ts";
import { locateConfig } from "../../src/control/config/locate-config.ts";
import { configFile, tempFolder, writeIn } from "./config-files.ts";

type Command = typeof check | typeof init;

async function recorded(command: Command, ...args: string[]) {
  const out: string[] = [];
  const err: string[] = [];
  const code = await command(args, { out: (text) => out.push(text), err: (text) => err.push(text) });
  return { code, out: out.join("\n"), err: err.join("\n") };
}

describe("sluice check", () => {
  test("exits 0 and sums up a good file", async () => {
    const { code, out, err } = await recorded(check, "--config", configFile("routes: [{ path: /, respond: {} }]"));
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toEndWith("ok (1 listener, 0 upstreams, 1 route)");
  });

  test("exits 1 and prints FILE:LINE:COL  path  message (hint) for each mistake", async () => {
    const file = configFile("listners: []\nproxy: { port: x }\n");
    const { code, out, err } = await recorded(check, "--config", file);
    expect(code).toBe(1);
    expect(out).toBe("");
    expect(err.split("\n")).toEqual([
      `${file}:1:1  listners  unknown key "listners" (did you mean "listeners"?)`,
      `${file}:2:16  proxy.port  expected a whole number from 0 to 65535, got "x"`,
      `${file}: 2 errors`,
    ]);
  });

  test("takes --set, shows the effective configuration masked, and --strict counts warnings", async () => {
    const file = configFile("admin: { token: hunter2, port: 0 }\ntracing: {}\nroutes: [{ path: /, respond: {} }]");
    expect((await recorded(check, `--config=${file}`, "--set", "proxy.port=x")).code).toBe(1);
    const { out, code } = await recorded(check, `--config=${file}`, "--show", "--strict");
    expect(code).toBe(1);
    expect(out).toContain('token: "***"');
    expect(out).not.toContain("hunter2");
  });

  test("exits 2 on a misuse", async () => {
    expect(await recorded(check, "--confg", "x")).toMatchObject({ code: 2 });
    expect(await recorded(check, "--config")).toMatchObject({ code: 2 });
    expect(await recorded(check, "extra")).toMatchObject({ code: 2 });
  });
});

test("sluice schema prints JSON Schema, or the docs", async () => {
  const printed = JSON.parse((await recorded(schema)).out) as { properties: object; additionalProperties: boolean };
  expect(Object.keys(printed.properties)).toContain("upstreams");
  expect(printed.additionalProperties).toBe(false);
  expect((await recorded(schema, "--markdown")).out).toStartWith("# Configuration");
});

test("sluice schema knows what the plugins that ship, and one's own, take", async () => {
  const folder = tempFolder();
  const file = writeIn(folder, "sluice.yaml", "routes: []");
  const source =
    'import { definePlugin, t } from "sluice";\nexport default definePlugin({ name: "mine", config: t.Object({ wait: t.Duration() }), setup: () => ({}) });\n';
  writeIn(folder, "plugins/mine.ts", source);
  const { out } = await recorded(schema, "--config", file);
  const printed = JSON.parse(out) as {
    properties: {
      plugins: {
        properties: {
          define: { additionalProperties: { allOf: Array<{ if: { properties: { use: { const: string } } } }> } };
        };
      };
    };
  };
  const names = printed.properties.plugins.properties.define.additionalProperties.allOf.map(
    (one) => one.if.properties.use.const,
  );
  expect(names).toContain("mine");
  expect(names).toContain("key-auth");
});

test("sluice init writes a file that checks, and its schema; never over one that is there", async () => {
  const file = join(tempFolder(), "new", "sluice.yaml");
  expect((await recorded(init, file)).code).toBe(0);
  expect(await recorded(check, "--config", file)).toMatchObject({ code: 0, err: "" });
  expect(JSON.parse(readFileSync(join(file, "..", "sluice.schema.json"), "utf8"))).toHaveProperty("properties.routes");
  expect(await recorded(init, file)).toMatchObject({ code: 1 });
  expect((await recorded(init, file, "--force")).code).toBe(0);
});

test("arguments: = and a space are the same, lists collect, -- ends the options", () => {
  const spec = { values: ["config"], lists: ["set"], switches: ["json"], words: 2 };
  expect(parseArguments(["--config=a", "--set", "x=1", "--set=y=2", "--json", "GET", "--", "-x"], spec)).toEqual({
    values: { config: "a" },
    lists: { set: ["x=1", "y=2"] },
    switches: new Set(["json"]),
    words: ["GET", "-x"],
  });
  expect(parseArguments(["--config", "a", "-c", "b"], spec)).toEqual({ usage: "--config is given twice" });
  expect(parseArguments(["a", "b", "c"], spec)).toEqual({ usage: 'unexpected argument "c"' });
});

test("the configuration is the flag's, the variable's, ./sluice.yaml, config/sluice.yaml, in this order", () => {
  const folder = tempFolder();
  expect(locateConfig(undefined, {}, folder)).toBeNull();
  writeIn(folder, "config/sluice.yaml", "");
  expect(locateConfig(undefined, {}, folder)).toBe("config/sluice.yaml");
  writeIn(folder, "sluice.yaml", "");
  expect(locateConfig(undefined, {}, folder)).toBe("sluice.yaml");
  expect(locateConfig(undefined, { SLUICE_CONFIG: "e.yaml" }, folder)).toBe("e.yaml");
  expect(locateConfig("f.yaml", { SLUICE_CONFIG: "e.yaml" }, folder)).toBe("f.yaml");
});
