import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { SHIPPED_SUMMARIES } from "../../src/cli/plugin/shipped-summaries.ts";
import { SHIPPED_PLUGINS } from "../../src/shipped-plugins.ts";
import { Author } from "./author.ts";

// Each command is a process, and the machine may be busy.
setDefaultTimeout(60_000);

const TENANTS = `import { definePlugin, t } from "sluice";
export default definePlugin({
  name: "tenants",
  config: t.Object({ size: t.Optional(t.Bytes()), directory: t.Upstream() }),
  provides: { tenant: "" },
  needs: { user: "" },
  setup: () => ({}),
});
`;
const USERS = `import { definePlugin, t } from "sluice";
export default definePlugin({ name: "users", config: t.Object({}), provides: { user: "" }, setup: () => ({}) });
`;
const CONFIG = `upstreams: [{ name: api, url: "http://127.0.0.1:9001" }]
plugins: { all: [security-headers] }
routes:
  - { name: a, path: /a, upstream: api, plugins: [users, { use: tenants, with: { directory: api } }] }
  - { name: b, path: /b, upstream: api, plugins: [users], skip: [security-headers] }
`;

function projectOf(author: Author): void {
  author.write("plugins/tenants.ts", TENANTS);
  author.write("plugins/users.ts", USERS);
  author.write("plugins/users.test.ts", "throw new Error('a test is no plugin')");
  author.write("sluice.yaml", CONFIG);
}

describe("sluice plugin list", () => {
  test("says of each plugin where it is, which routes use it, and what it takes, needs and provides", async () => {
    using author = new Author();
    projectOf(author);
    const { code, out, err } = await author.plugin("list");
    expect([code, err]).toEqual([0, ""]);
    expect(out).toMatch(/^ {2}users +plugins\/users\.ts {2}\[routes a, b\]\n +provides user$/m);
    expect(out).toMatch(
      /^ {2}tenants +plugins\/tenants\.ts {2}\[route a\]\n +with: \{ directory, size\? \}; needs user; provides tenant$/m,
    );
    expect(out).toMatch(/^ {2}security-headers +sets the headers .* {2}\[route a\]$/m);
    expect(out).toMatch(/^ {2}cors +\S.*[^\]]$/m);
    expect(out).not.toContain("users.test");
  });

  test("knows the plugins also where the configuration or one of them is broken", async () => {
    using author = new Author();
    projectOf(author);
    author.write("plugins/users.ts", "export default 7;\n");
    const { code, out, err } = await author.plugin("list", "--config", "sluice.yaml");
    expect(code).toBe(0);
    expect(out).toMatch(/^ {2}users +plugins\/users\.ts\n +cannot be loaded: plugins\/users\.ts: .*definePlugin/m);
    expect(out).toMatch(/^ {2}tenants +plugins\/tenants\.ts$/m);
    expect(err).toContain("what its routes use is not known");
  });

  test("needs no configuration, but takes the one it is given", async () => {
    using author = new Author();
    const { code, out } = await author.plugin("list");
    expect([code, out.split("\n")[0]]).toEqual([0, "no plugins of your own: `sluice plugin new NAME` writes one"]);
    expect(await author.plugin("list", "--config", "gone.yaml")).toEqual({
      code: 1,
      out: "",
      err: "sluice plugin list: cannot read gone.yaml: no such file\n",
    });
  });

  test("has a line for every plugin that ships", () => {
    for (const name of Object.keys(SHIPPED_PLUGINS)) expect(SHIPPED_SUMMARIES[name], name).toBeString();
  });
});
