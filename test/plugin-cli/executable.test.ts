import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import manifest from "../../package.json" with { type: "json" };
import { eventually } from "../kit/eventually.ts";
import { freePort } from "../kit/free-port.ts";
import { ROOT } from "../kit/sluice.ts";
import { check } from "../plugin-types/checking.ts";
import { Author, LOUD, marking } from "./author.ts";

// Each command is a process, and the machine may be busy.
setDefaultTimeout(60_000);

const folder = mkdtempSync(join(tmpdir(), "sluice-build-"));
const executable = join(folder, "sluice");

beforeAll(async () => {
  const [, ...words] = manifest.scripts.build.split(" ");
  expect(words).toContain("dist/sluice");
  const command = words.map((word) => (word === "dist/sluice" ? executable : word));
  const build = Bun.spawn([process.execPath, ...command], { cwd: ROOT, stdout: "ignore", stderr: "pipe" });
  const output = await build.stderr.text();
  if ((await build.exited) !== 0) throw new Error(output);
}, 60_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const CONFIG = (port: number, workers: number) => `listeners: [{ name: web, host: 127.0.0.1, port: ${port} }]
workers: ${workers}
routes:
  - path: /*
    respond: { status: 200, body: hi }
    plugins: [{ use: mark, with: { times: 2 } }, security-headers, { use: cors, with: { origins: ["https://a.example"] } }]
`;

test.each([1, 2])(
  "the executable serves plugins that lie anywhere, and reloads them, with workers: %d",
  async (workers) => {
    using author = new Author([executable]);
    const port = await freePort();
    author.write("sluice.yaml", CONFIG(port, workers));
    author.write("plugins/mark.ts", marking("a"));
    author.write("plugins/words/loud.ts", LOUD);
    // The types that its tsconfig.json leads to are not what runs.
    expect(await author.plugin("init")).toMatchObject({ code: 0 });
    const proxy = author.start("start");
    try {
      await proxy.says("sluice is ready");
      const ask = async () => {
        const reply = await fetch(`http://127.0.0.1:${port}/`, { headers: { Origin: "https://a.example" } });
        return ["x-mark", "x-content-type-options", "access-control-allow-origin"].map((name) =>
          reply.headers.get(name),
        );
      };
      const others = ["nosniff", "https://a.example"];
      expect(await ask()).toEqual(["aa!", ...others]);
      author.write("plugins/mark.ts", marking("b"));
      await eventually("the plugin's new text", async () => (await ask())[0] === "bb!");
      author.write("plugins/words/loud.ts", LOUD.replace("!", "?"));
      await eventually("its import's new text", async () => (await ask())[0] === "bb?");
      expect(await ask()).toEqual(["bb?", ...others]);
    } finally {
      proxy.signal("SIGTERM");
      expect(await proxy.exited()).toBe(0);
    }
  },
);

test("the executable writes a plugin, types for its editor, and runs its test", async () => {
  using author = new Author([executable]);
  expect(await author.plugin("new", "hello")).toMatchObject({ code: 0, err: "" });
  expect(await author.plugin("init")).toMatchObject({ code: 0, err: "" });
  expect(await check(join(author.folder, "plugins"))).toMatchObject({ errors: [], exitCode: 0 });
  const { code, err } = await author.plugin("test");
  expect(err).toContain("2 pass\n 0 fail");
  expect(code).toBe(0);
  author.write("plugins/hello.ts", author.read("plugins/hello.ts").replace("status: 400", "status: 401"));
  expect(await author.plugin("test", "hello")).toMatchObject({ code: 1 });
});

test("the executable's types are those of the checkout", async () => {
  using author = new Author([executable]);
  using other = new Author();
  await Promise.all([author.plugin("init", "."), other.plugin("init", ".")]);
  const diff = Bun.spawnSync(["diff", "-r", author.folder, other.folder]);
  expect(diff.stdout.toString() + diff.stderr.toString()).toBe("");
  expect(author.has(".sluice/sluice/testing.ts")).toBe(true);
});
