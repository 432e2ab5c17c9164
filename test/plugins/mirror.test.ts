import { describe, expect, test } from "bun:test";
import { gzipSync } from "node:zlib";
import { testPlugin } from "sluice/testing";
import mirror from "../../plugins/mirror/index.ts";
import { pageExample } from "./page-example.ts";

type Answer = (request: Request) => Response | Promise<Response>;

/** `shadow` answers the copies, `own` what clients asked for. */
function start(config: object, { own, shadow }: { own?: Answer; shadow?: Answer } = {}) {
  const hello: Answer = () => new Response("hello");
  return testPlugin(mirror, {
    config: { upstream: "shadow", ...config },
    upstream: (request) => (request.headers.has("x-mirrored") ? (shadow ?? hello) : (own ?? hello))(request),
  });
}
type Started = Awaited<ReturnType<typeof start>>;

const copiesOf = (t: Started) => t.upstream.requests.filter(({ upstream }) => upstream === "shadow");

/** Asks, reads the reply, and waits for the copy and the comparison. */
async function ask(t: Started, target = "/", request: Parameters<Started["request"]>[1] = {}): Promise<string> {
  const text = await (await t.request(target, request)).text();
  await t.idle();
  return text;
}

describe("a copy", () => {
  test("has the method, target, headers and body that go upstream", async () => {
    await using t = await start({});
    const request = {
      method: "POST",
      body: '{"a":1}',
      headers: { "content-type": "application/json", "x-a": "b" },
      host: "api.example.com",
    };
    expect(await ask(t, "/x?y=1", request)).toBe("hello");
    const [copy] = copiesOf(t);
    expect(copy).toMatchObject({ method: "POST", target: "/x?y=1" });
    expect(copy!.text()).toBe('{"a":1}');
    expect(copy!.host).toBe("api.example.com");
    expect(copy!.headers.get("x-a")).toBe("b");
    expect(copy!.headers.get("content-type")).toBe("application/json");
    expect(copy!.headers.get("x-mirrored")).toBe("1");
    const own = t.upstream.requests.find(({ upstream }) => upstream === "upstream")!;
    expect(own.text()).toBe('{"a":1}');
    expect(own.headers.has("x-mirrored")).toBe(false);
    expect(t.metrics).toEqual({ 'requests_total{result="sent"}': 1 });
  });

  test("goes without credentials, unless they are wanted, and without what is listed", async () => {
    const headers = { authorization: "Bearer x", cookie: "a=1", "x-api-key": "k", "x-internal": "1" };
    await using without = await start({ removeHeaders: ["X-Internal"] });
    await ask(without, "/", { headers });
    const names = [...copiesOf(without)[0]!.headers.keys()];
    for (const name of Object.keys(headers)) expect(names).not.toContain(name);
    await using withThem = await start({ stripCredentials: false });
    await ask(withThem, "/", { headers });
    expect(copiesOf(withThem)[0]!.headers.get("authorization")).toBe("Bearer x");
  });

  test("is not made of a copy, of other methods, of none of the share", async () => {
    await using t = await start({ methods: ["get"] });
    await ask(t, "/", { headers: { "x-mirrored": "1" } });
    await ask(t, "/", { method: "DELETE" });
    await using none = await start({ percent: 0 });
    await ask(none);
    expect([...copiesOf(t), ...copiesOf(none)]).toEqual([]);
  });

  test("is not made of a long body, or one of unknown length: the request goes on untouched", async () => {
    await using t = await start({ maxBody: 4 });
    await ask(t, "/", { method: "POST", body: "12345" });
    await ask(t, "/", { method: "POST", body: new Blob(["123"]).stream() });
    expect(copiesOf(t)).toEqual([]);
    expect(t.upstream.requests.map((request) => request.text())).toEqual(["12345", "123"]);
    expect(t.metrics).toEqual({ 'requests_total{result="skipped"}': 2 });
  });

  test("is not made where the request goes to that upstream itself", async () => {
    await using t = await start({ upstream: "upstream" });
    await ask(t);
    expect(t.upstream.requests.length).toBe(1);
    expect(t.metrics).toEqual({});
  });

  test("that fails or hangs changes nothing for the client", async () => {
    await using broken = await start({}, { shadow: () => Promise.reject(new Error("gone")) });
    expect(await ask(broken)).toBe("hello");
    expect(broken.metrics).toEqual({ 'requests_total{result="failed"}': 1 });
    const held = Promise.withResolvers<Response>();
    await using slow = await start({ maxInFlight: 1 }, { shadow: () => held.promise });
    expect(await (await slow.request("/a")).text()).toBe("hello");
    expect(await (await slow.request("/b")).text()).toBe("hello");
    held.resolve(new Response("late"));
    await slow.idle();
    expect(copiesOf(slow).map(({ target }) => target)).toEqual(["/a"]);
    expect(slow.metrics).toEqual({ 'requests_total{result="dropped"}': 1, 'requests_total{result="sent"}': 1 });
  });
});

describe("the comparison", () => {
  const json = (value: unknown, init?: ResponseInit) => () => Response.json(value, init);
  const differs = (t: Started) => t.logs.filter(({ level }) => level === "warn").map((line) => line["differs"]);

  test("says what differs, and where", async () => {
    await using t = await start(
      { diff: { headers: ["x-v"] } },
      { own: json(1, { headers: { "x-v": "1" } }), shadow: json(1, { status: 500 }) },
    );
    await ask(t, "/users/7?token=secret");
    expect(t.metrics).toMatchObject({
      compared_total: 1,
      'diff_total{kind="status"}': 1,
      'diff_total{kind="headers"}': 1,
    });
    const line = t.logs.find(({ level }) => level === "warn");
    expect(line).toMatchObject({
      method: "GET",
      path: "/users/7",
      status: [200, 500],
      differs: ["status", "headers"],
      headers: ["x-v"],
    });
  });

  test("takes JSON as values, and leaves out what may differ", async () => {
    const diff = { body: "json", ignore: ["/at", "/items/*/id"] };
    const own = json({ at: 1, b: 2, items: [{ id: 1, n: "x" }] });
    await using same = await start({ diff }, { own, shadow: json({ b: 2, items: [{ id: 9, n: "x" }], at: 5 }) });
    expect(await ask(same)).toBe('{"at":1,"b":2,"items":[{"id":1,"n":"x"}]}');
    expect(same.metrics).toMatchObject({ compared_total: 1 });
    expect(differs(same)).toEqual([]);
    await using other = await start({ diff }, { own, shadow: json({ at: 1, b: 3, items: [{ id: 1, n: "x" }] }) });
    await ask(other);
    expect(differs(other)).toEqual([["body"]]);
  });

  test("looks through compression", async () => {
    const zipped = () => new Response(gzipSync("hello"), { headers: { "content-encoding": "gzip" } });
    await using t = await start({ diff: { body: "bytes" } }, { own: zipped });
    await ask(t);
    expect(t.metrics).toMatchObject({ compared_total: 1 });
    expect(differs(t)).toEqual([]);
  });

  test("says nothing of bodies that are too long, and passes them on whole", async () => {
    const long = "x".repeat(100_000);
    await using t = await start({ diff: { body: "bytes", maxBody: 1000 } }, { own: () => new Response(long) });
    expect(await ask(t)).toBe(long);
    expect(differs(t)).toEqual([]);
  });

  test("logs so many a minute, and counts the rest", async () => {
    await using t = await start({ diff: { logsPerMinute: 1 } }, { shadow: () => new Response("", { status: 404 }) });
    for (let i = 0; i < 3; i++) await ask(t);
    expect(differs(t).length).toBe(1);
    await t.clock.advance(60_000);
    await ask(t);
    expect(differs(t).length).toBe(2);
    expect(t.metrics['diff_total{kind="status"}']).toBe(4);
  });

  test("is not made where no reply came", async () => {
    await using t = await start({ diff: {} }, { own: () => Promise.reject(new Error("gone")) });
    await ask(t);
    expect(t.metrics["compared_total"]).toBeUndefined();
  });
});

test("a configuration that means nothing is refused with what to do", async () => {
  await expect(start({ diff: { ignore: ["at"] } })).rejects.toThrow('diff.ignore: "at" must start with "/"');
  await expect(start({ percent: -1 })).rejects.toThrow("percent");
  await expect(start({ maxBody: "1gb" })).rejects.toThrow("maxBody");
});

test("the page's example copies GET and POST and compares JSON", async () => {
  await using t = await testPlugin(mirror, {
    config: pageExample("mirror"),
    upstream: (request) => Response.json({ generatedAt: Math.random(), next: request.headers.has("x-mirrored") }),
  });
  await ask(t, "/api/x");
  await ask(t, "/api/x", { method: "PUT", body: "1" });
  expect(t.upstream.requests.filter(({ upstream }) => upstream === "api-next").length).toBe(1);
  expect(t.metrics).toEqual({ 'requests_total{result="sent"}': 1, compared_total: 1, 'diff_total{kind="body"}': 1 });
});
