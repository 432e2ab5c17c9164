import { expect, setDefaultTimeout, test } from "bun:test";
import { parse } from "yaml";
import { Limit } from "../../src/proxy/limits/gcra.ts";
import { readPages } from "../docs/pages.ts";
import { ask } from "../kit/raw-client.ts";
import { RawOrigin } from "../kit/raw-origin.ts";
import { type Config, Sluice } from "../kit/sluice.ts";
import { newLimiter, NOW } from "../limits/tables.ts";

setDefaultTimeout(60_000);

const PAGE = readPages().find(({ name }) => name === "docs/rate-limits.md")!;
const EXAMPLES = PAGE.blocks.filter(({ language }) => language === "yaml").map(({ text }) => text);

/** What the page shows, with an origin that is here. */
function example(part: string, origin: RawOrigin): Config {
  const text = EXAMPLES.find((yaml) => yaml.includes(part))!;
  const here = text.replaceAll("http://10.0.0.1:9001", `http://127.0.0.1:${origin.port}`);
  // Nobody listens there: the page says what happens then.
  return parse(here.replaceAll("redis://10.0.0.5:6379", "redis://127.0.0.1:1")) as Config;
}

test("the page's first example does what the page says", async () => {
  await using origin = await RawOrigin.start();
  await using sluice = await Sluice.start(example("/login", origin));
  const replies = [];
  for (let i = 0; i < 6; i++) replies.push(await ask(sluice.port, { target: "/login" }));
  expect(replies.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 429]);
  expect(replies[5]!.json()).toMatchObject({ code: "rate_limited", detail: "Too many attempts. Try again later." });
  const reply = await ask(sluice.port);
  const shown = PAGE.blocks.find(({ text }) => text.startsWith("RateLimit-Policy:"))!.text;
  const fields = `RateLimit-Policy: ${reply.header("ratelimit-policy")}\nRateLimit: ${reply.header("ratelimit")}\n`;
  expect(fields.replace(/r=99;t=1$/m, "r=42;t=35")).toBe(shown);
});

test.each([
  ["by: route", '"all/1";q=20;w=1'],
  ["mode: shadow", null],
  ["backend: redis", '"global";q=1000;w=60'],
])(
  "the page's example with %s runs, and its replies say %s",
  async (part, policy) => {
    await using origin = await RawOrigin.start();
    await using sluice = await Sluice.start(example(part, origin));
    const reply = await ask(sluice.port);
    expect([reply.status, reply.header("ratelimit-policy")]).toEqual([200, policy]);
  },
  30_000,
);

test("the page's table of bursts is what the algorithm does", () => {
  const rows = [...PAGE.text.matchAll(/^\| gets .*$/gm)].map(([row]) => row.match(/\d+/g)!.map(Number));
  const measured = [undefined, 10, 1].map((burst) => {
    const limiter = newLimiter();
    const limit = new Limit("page", { max: 100, windowMs: 60_000, burst });
    const allowedIn = (from: number, to: number) => {
      let allowed = 0;
      for (let ms = from; ms <= to; ms += 10) while (limiter.take("k", limit, NOW + ms).allowed) allowed++;
      return allowed;
    };
    const atOnce = allowedIn(0, 0);
    return [atOnce, atOnce + allowedIn(10, 60_000), allowedIn(60_010, 120_000)];
  });
  expect(rows).toEqual([0, 1, 2].map((row) => measured.map((column) => column[row]!)));
});
