import { describe, expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { parse } from "yaml";
import { run as keys } from "../../src/cli/keys.ts";

interface Entry {
  readonly name: string;
  readonly hash: string;
  readonly scopes?: readonly string[];
  readonly expires?: string;
}

function recorded(...args: string[]) {
  const out: string[] = [];
  const err: string[] = [];
  const code = keys(args, { out: (text) => out.push(text), err: (text) => err.push(text) });
  return { code, out: out.join("\n"), err: err.join("\n") };
}

function added(...args: string[]): { key: string; entry: Entry } {
  const { code, out } = recorded("add", ...args);
  expect(code).toBe(0);
  const [key = "", yaml = ""] = out.split("\n\n");
  const entries = parse(yaml) as Entry[];
  expect(entries).toHaveLength(1);
  return { key, entry: entries[0]! };
}

describe("sluice keys add", () => {
  test("prints a key of 256 random bits, and the HMAC that a configuration keeps of it", () => {
    const { key, entry } = added("shop");
    expect(key).toMatch(/^slk_[\w-]{43}$/);
    const mac = createHmac("sha256", "sluice").update(key).digest("hex");
    expect(entry).toEqual({ name: "shop", hash: `hmac-sha256:sluice:${mac}` });
    expect(added("shop").key).not.toBe(key);
  });

  test("keeps the key out of its entry and out of standard error", () => {
    const { out, err } = recorded("add", "shop");
    const [key = "", entry = ""] = out.split("\n\n");
    expect(entry).not.toContain(key);
    expect(err).not.toContain(key);
    expect(err).toContain("shown this once");
  });

  test("writes scopes, and the date as the text it was", () => {
    const { entry } = added("shop", "--scopes", "reports:read, reports:write", "--expires=2999-12-31");
    expect(entry.scopes).toEqual(["reports:read", "reports:write"]);
    expect(entry.expires).toBe("2999-12-31");
  });

  test.each(["yes", "null", "12", "a: b", "- x", "#1", "Ünï ✓", "o'\"clock", "{a}", "&x", "1e3", "~"])(
    "writes the name %s so that YAML reads it back as it is",
    (name) => expect(added("--", name).entry.name).toBe(name),
  );

  test.each([
    [[], "NAME is needed"],
    [[""], "NAME is not empty"],
    [[" shop"], "white space"],
    [["a\nb"], "control characters"],
    [["${HOME}"], "variable"],
    [["x".repeat(101)], "100 is the most"],
    [["shop", "another"], "unexpected argument"],
    [["shop", "--scope", "a"], "unknown option"],
    [["shop", "--scopes", "a,,b"], "--scopes"],
    [["shop", "--scopes", "a b"], "--scopes"],
    [["shop", "--scopes", "a,a"], "twice"],
    [["shop", "--expires", "soon"], "--expires"],
    [["shop", "--expires", "2999-02-30"], "--expires"],
    [["shop", "--expires", "2999-01-01T00:00"], "--expires"],
    [["shop", "--expires", "2001-01-01"], "has passed"],
  ])("refuses %j with exit code 2, and makes no key", (args, says) => {
    const { code, out, err } = recorded("add", ...args);
    expect([code, out]).toEqual([2, ""]);
    expect(err).toContain(says);
  });

  test("says how it is used, and what it does not know", () => {
    expect(recorded("--help")).toMatchObject({ code: 0, err: "" });
    expect(recorded("add", "--help").out).toContain("--expires");
    expect(recorded()).toMatchObject({ code: 2, out: "" });
    expect(recorded("remove").err).toContain('unknown command "remove"');
  });
});
