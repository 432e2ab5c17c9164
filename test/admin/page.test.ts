import { expect, test } from "bun:test";
import { parse } from "yaml";
import { readPages } from "../docs/pages.ts";
import { AdminSluice, origin, TOKEN } from "./admin-sluice.ts";

const page = readPages().find(({ name }) => name === "docs/admin.md")!;

/** As the page's reader has it, on ports that are free. */
async function run(command: string, { admin, sluice }: AdminSluice): Promise<string> {
  const here = command.replaceAll("http://127.0.0.1:9000", admin.url).replaceAll("http://localhost:8080", sluice.url);
  const env = { ...process.env, AUTH: `Authorization: Bearer ${TOKEN}` };
  const child = Bun.spawn(["sh", "-c", here], { env, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [printed, said, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  expect([code, said]).toEqual([0, ""]);
  return printed;
}

test.skipIf(Bun.which("curl") === null)(
  "every command of the page on the admin API does what the page says",
  async () => {
    await using shop = origin("shop");
    const first = page.blocks.find(({ language }) => language === "yaml")!;
    const { upstreams, routes } = parse(first.text.replaceAll("http://127.0.0.1:9001", shop.url));
    await using running = await AdminSluice.start({ upstreams, routes }, { token: TOKEN });
    const commands = page.blocks.flatMap((block, at) =>
      block.language === "bash" ? [{ block, shown: page.blocks[at + 1]! }] : [],
    );
    expect(commands.length).toBeGreaterThan(6);
    for (const { block, shown } of commands) {
      const printed = await run(block.text, running);
      if (shown.language === "json") expect(JSON.parse(printed)).toMatchObject(JSON.parse(shown.text));
      if (shown.language === "text") expect(printed.trimEnd()).toBe(shown.text.trimEnd());
    }
  },
);
