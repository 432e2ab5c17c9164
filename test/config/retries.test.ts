import { describe, expect, test } from "bun:test";
import { accepted, errorsOf, warningsOf } from "./config-files.ts";

const upstream = (fields: string) => `upstreams: [{ name: a, url: http://h${fields === "" ? "" : `, ${fields}`} }]`;
const retries = async (fields: string) => (await accepted(upstream(fields))).spec.upstreams[0]!.retries;

describe("retries", () => {
  test("without a word: one, of what provably was not processed, under a budget", async () => {
    expect(await retries("")).toEqual({
      max: 1,
      on: { reset: false, timeout: false, statuses: [] },
      perTryMs: null,
      budget: { ratio: 0.2, minPerSecond: 1, windowMs: 2_000 },
      backOff: { baseMs: 25, maxMs: 250, maxRetryAfterMs: 1000 },
      hedgeAfterMs: null,
      replayBytes: 65_536,
    });
  });

  const idempotent = { reset: true, timeout: true, statuses: [502, 503, 504] };

  test("a number, or a map without reasons, asks for idempotent requests, too", async () => {
    expect(await retries("retries: 3")).toMatchObject({ max: 3, on: idempotent, perTryMs: null });
    expect(await retries("retries: { max: 2, perTry: 5s }")).toMatchObject({ max: 2, on: idempotent, perTryMs: 5000 });
    expect(await retries("retries: 0")).toMatchObject({ max: 0 });
  });

  const none = { reset: false, timeout: false, statuses: [] };
  test.each([
    ["[]", none],
    ["[safe, connect-failure]", none],
    ["reset", { ...none, reset: true }],
    ["[timeout]", { ...none, timeout: true }],
    ["idempotent", { ...none, reset: true, timeout: true }],
    ["[503, 429, '503']", { ...none, statuses: [429, 503] }],
    ["[gateway-error, 500]", { ...none, statuses: [500, 502, 503, 504] }],
  ])("on: %s", async (text, on) => expect((await retries(`retries: { on: ${text} }`)).on).toEqual(on));

  test("5xx is every one of them", async () => {
    const { statuses } = (await retries("retries: { on: [5xx, 502] }")).on;
    expect([statuses.length, statuses[0], statuses.at(-1)]).toEqual([100, 500, 599]);
  });

  test("budget, back-off, hedge and what is kept of a body", async () => {
    expect(
      await retries(
        "retries: { budget: { ratio: 0.5, minPerSecond: 0, window: 5s }, backOff: { base: 100, max: 2s, maxRetryAfter: 0 }, hedge: 50ms, maxBody: 1mb }",
      ),
    ).toMatchObject({
      max: 1,
      budget: { ratio: 0.5, minPerSecond: 0, windowMs: 5000 },
      backOff: { baseMs: 100, maxMs: 2000, maxRetryAfterMs: 0 },
      hedgeAfterMs: 50,
      replayBytes: 2 ** 20,
    });
  });

  test("one end of the back-off moves the other, when that was not written", async () => {
    expect((await retries("retries: { backOff: { base: 1s } }")).backOff).toMatchObject({ baseMs: 1000, maxMs: 1000 });
    expect((await retries("retries: { backOff: { max: 0 } }")).backOff).toMatchObject({ baseMs: 0, maxMs: 0 });
  });

  test("what is handed out is nobody else's", async () => {
    const [one, two] = [await retries(""), await retries("")];
    one.on.statuses.push(500);
    one.budget.ratio = 9;
    expect(two).toMatchObject({ on: { statuses: [] }, budget: { ratio: 0.2 } });
  });
});

describe("each mistake has its message", () => {
  test.each([
    ["a reason misspelt", "retries: { on: [gateway-eror] }", 'did you mean "gateway-error"?'],
    ["a status that is no failure", "retries: { on: [200] }", "a status from 400 to 599, or one of safe"],
    ["too many", "retries: 21", "from 0 to 20"],
    ["a back-off backwards", "retries: { backOff: { base: 1s, max: 10ms } }", "is shorter than base"],
    ["a body too large to keep", "retries: { maxBody: 1gb }", "16mb or less"],
    ["a hedge that nothing allows", "retries: { on: safe, hedge: 50ms }", "add idempotent to on"],
    ["a misspelt budget", "retries: { budget: { ration: 1 } }", 'did you mean "ratio"?'],
  ])("%s", async (_, fields, message) => {
    const errors = await errorsOf(upstream(fields));
    expect(errors).toHaveLength(1);
    expect(errors[0]).toContain(message);
    expect(errors[0]).toMatch(/^\d+:\d+ {2}upstreams\.0\.retries/);
  });

  test("a hedge that comes after the timeout", async () => {
    const warned = await warningsOf(`${upstream("timeout: 1s, retries: { hedge: 2s }")}\nroutes: [{ upstream: a }]`);
    expect(warned).toEqual(["upstreams.0.retries.hedge never happens: an attempt is given up after 1000 ms"]);
  });
});
