import { describe, expect, test } from "bun:test";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { testPlugin } from "sluice/testing";
import bodyJson from "../../plugins/body-json/index.ts";
import { pageExample } from "./page-example.ts";

const JSON_TYPE = { "Content-Type": "application/json; charset=utf-8" };
const IDENTITY = { id: "ann", by: "test" };

interface Sent {
  readonly body?: string | Uint8Array<ArrayBuffer>;
  readonly headers?: Record<string, string>;
  readonly identity?: typeof IDENTITY;
}

async function up(config: unknown, { body = "{}", headers = {}, identity }: Sent) {
  const t = await testPlugin(bodyJson, { config });
  const asked = { method: "POST", body, headers: { ...JSON_TYPE, ...headers } };
  const reply = await t.request("/x", identity === undefined ? asked : { ...asked, identity });
  const got = t.upstream.requests[0];
  await t.close();
  return { status: reply.status, text: got?.text(), headers: got?.headers };
}

async function down(config: object, reply: Response) {
  const t = await testPlugin(bodyJson, { config: { response: config, limit: 5000 }, upstream: () => reply });
  const got = await t.request("/x", { headers: { Range: "bytes=0-1" } });
  return { t, got };
}

describe("body-json of requests", () => {
  const cases: Array<[change: unknown, from: string, to: string]> = [
    [{ remove: ["/a", "b.c"] }, `{"a":1,"b":{"c":2,"d":3}}`, `{"b":{"d":3}}`],
    [{ remove: ["items.*.secret"] }, `{"items":[{"secret":1,"a":1},{"a":2},3]}`, `{"items":[{"a":1},{"a":2},3]}`],
    [{ remove: ["/list/1", "/list/9"] }, `{"list":[1,2,3]}`, `{"list":[1,3]}`],
    [{ remove: ["list.*"] }, `{"list":[1,2,3]}`, `{"list":[]}`],
    [{ remove: ["/a~1b", "/m~0n"] }, `{"a/b":1,"m~n":2,"c":3}`, `{"c":3}`],
    [{ rename: { "user.name": "login" } }, `{"user":{"name":"x"}}`, `{"user":{"login":"x"}}`],
    [{ move: [{ from: "/a", to: "/b/c" }] }, `{"a":{"x":1}}`, `{"b":{"c":{"x":1}}}`],
    [{ default: { "/a": 1, "/b": 2 } }, `{"a":null}`, `{"a":null,"b":2}`],
    [
      { set: { "/deep/er/est": { at: "{clientIp}", n: [1, "{host}"] } } },
      `{}`,
      `{"deep":{"er":{"est":{"at":"203.0.113.1","n":[1,"localhost"]}}}}`,
    ],
    [{ set: { "/list/-": 9 } }, `{"list":[1]}`, `{"list":[1,9]}`],
    [{ set: { "/list/999999": 9, "/n/x": 1, "/s": 1 } }, `{"list":[1],"n":5}`, `{"list":[1],"n":5,"s":1}`],
    [{ set: { user: "{identity.id}" } }, `{"user":"root","a":1}`, `{"a":1}`],
    [{ set: { "/constructor/prototype/x": 1 } }, `{}`, `{"constructor":{"prototype":{"x":1}}}`],
    [{ remove: ["0.a", "/toString"] }, `[{"a":1}]`, `[{}]`],
  ];
  for (const [request, from, to] of cases)
    test(`${JSON.stringify(request)} makes ${to} of ${from}`, async () => {
      expect((await up({ request }, { body: from })).text).toBe(to);
      expect(({} as Record<string, unknown>)["x"]).toBeUndefined();
    });

  test("leave what they do not touch as it was written", async () => {
    const same = `{ "b" : 1.10 }`;
    expect((await up({ request: { remove: ["/a"] } }, { body: same })).text).toBe(same);
    const numbers = `{"id":12345678901234567890,"price":1.10,"e":1e3,"z":-0,"__proto__":{"x":1},"a":1}`;
    expect((await up({ request: { remove: ["/a"] } }, { body: numbers })).text).toBe(numbers.replace(`,"a":1`, ""));
  });

  test("say what the client's identity is", async () => {
    const { text } = await up(
      { request: { set: { user: "{identity.id}" } } },
      { body: `{"user":"root"}`, identity: IDENTITY },
    );
    expect(text).toBe(`{"user":"ann"}`);
  });

  test("are unpacked, changed and sent plain", async () => {
    for (const [coding, body] of [
      ["gzip", gzipSync(`{"a":1,"b":2}`)],
      ["br", brotliCompressSync(`{"a":1,"b":2}`)],
    ] as const) {
      const headers = { "Content-Encoding": coding };
      const { text, headers: got } = await up({ request: { remove: ["/a"] } }, { body: new Uint8Array(body), headers });
      expect(text).toBe(`{"b":2}`);
      expect(got!.has("content-encoding")).toBe(false);
    }
  });

  const refused: Array<[what: string, sent: Sent, status: number]> = [
    ["no JSON", { body: "{" }, 400],
    ["no UTF-8", { body: new Uint8Array([0x22, 0xff, 0x22]) }, 400],
    ["nested beyond sense", { body: "[".repeat(200_000) + "]".repeat(200_000) }, 400],
    ["too long", { body: JSON.stringify("x".repeat(600_000)) }, 413],
    [
      "too long once unpacked",
      { body: new Uint8Array(gzipSync(" ".repeat(5_000_000))), headers: { "Content-Encoding": "gzip" } },
      413,
    ],
    ["not what its coding says", { body: "{}", headers: { "Content-Encoding": "gzip" } }, 400],
    ["in a coding nobody knows", { body: "{}", headers: { "Content-Encoding": "compress" } }, 415],
  ];
  for (const [what, sent, status] of refused)
    test(`are refused with ${status} where they are ${what}`, async () => {
      const got = await up({ request: { set: { "/1": 1 } }, limit: 500_000 }, sent);
      expect(got.status).toBe(status);
      expect(got.text).toBeUndefined();
    });

  test("of other types, and empty ones, go on as they are", async () => {
    const config = { request: { set: { "/a": 1 } } };
    expect((await up(config, { body: "{", headers: { "Content-Type": "text/plain" } })).text).toBe("{");
    expect((await up(config, { body: "" })).text).toBe("");
    const problem = { "Content-Type": "application/problem+json" };
    expect((await up(config, { body: "{}", headers: problem })).text).toBe(`{"a":1}`);
  });
});

describe("body-json of replies", () => {
  test("changes them, whole and unpacked", async () => {
    const body = new Uint8Array(gzipSync(`{"password":"x","a":1}`));
    const headers = { ...JSON_TYPE, "Content-Encoding": "gzip", ETag: '"1"' };
    const { t, got } = await down({ remove: ["/password"] }, new Response(body, { headers }));
    expect(await got.json()).toEqual({ a: 1 });
    expect(got.headers.has("content-encoding")).toBe(false);
    expect(got.headers.get("etag")).toBe('W/"1"');
    expect(t.upstream.requests[0]!.headers.has("range")).toBe(false);
    await t.close();
  });

  test("leaves failures, other types and what is no JSON alone", async () => {
    const untouched: Response[] = [
      new Response(`{"a":1}`, { status: 404, headers: JSON_TYPE }),
      new Response(`{"a":1}`, { headers: { "Content-Type": "text/plain" } }),
      new Response(`{"a":1`, { headers: JSON_TYPE }),
    ];
    for (const reply of untouched) {
      const body = await reply.clone().text();
      const { t, got } = await down({ remove: ["/a"] }, reply);
      expect(await got.text()).toBe(body);
      await t.close();
    }
    const { t, got } = await down(
      { remove: ["/a"], errors: true },
      new Response(`{"a":1}`, { status: 404, headers: JSON_TYPE }),
    );
    expect(await got.text()).toBe("{}");
    await t.close();
  });

  test("cuts off what is no JSON where it is told to", async () => {
    const { t, got } = await down(
      { remove: ["/a"], onInvalid: "fail" },
      new Response(`{"a":1`, { headers: JSON_TYPE }),
    );
    await expect(got.text()).rejects.toThrow();
    await t.close();
  });

  test("passes on or refuses what is too long", async () => {
    const long = JSON.stringify({ a: "x".repeat(6000) });
    const reply = () => new Response(long, { headers: JSON_TYPE });
    const passed = await down({ remove: ["/a"] }, reply());
    expect(await passed.got.text()).toBe(long);
    const failed = await down({ remove: ["/a"], onTooLarge: "fail" }, reply());
    expect(failed.got.status).toBe(502);
    const chunks = new ReadableStream({
      start(controller) {
        for (let at = 0; at < long.length; at += 500)
          controller.enqueue(new TextEncoder().encode(long.slice(at, at + 500)));
        controller.close();
      },
    });
    const streamed = await down({ remove: ["/a"] }, new Response(chunks, { headers: JSON_TYPE }));
    expect(await streamed.got.text()).toBe(long);
    for (const { t } of [passed, failed, streamed]) await t.close();
  });
});

describe("body-json refuses at set-up", () => {
  const wrong: Array<[config: unknown, says: string]> = [
    [{}, "nothing to do"],
    [{ request: { set: { "/__proto__/admin": true } } }, "__proto__"],
    [{ request: { rename: { "/a": "__proto__" } } }, "__proto__"],
    [{ request: { remove: ["a..b"] } }, "is no path"],
    [{ request: { remove: ["/a~2"] } }, "JSON Pointer"],
    [{ request: { move: [{ from: "/a", to: "/a/b" }] } }, "into itself"],
    [{ request: { move: [{ from: "a.*", to: "/b" }] } }, "one field"],
    [{ response: { set: { "/a": ["{nobody}"] } } }, "not a placeholder"],
  ];
  for (const [config, says] of wrong)
    test(JSON.stringify(config), async () => expect(testPlugin(bodyJson, { config })).rejects.toThrow(says));
});

describe("the example of body-json.md", () => {
  test("does what the page says", async () => {
    const upstream = () => Response.json({ id: 1, passwordHash: "x", items: [{ cost: 1, name: "a" }] });
    const t = await testPlugin(bodyJson, { config: pageExample("body-json"), upstream, identity: IDENTITY });
    const reply = await t.request("/api/orders", { method: "POST", body: `{"userName":"a"}`, headers: JSON_TYPE });
    expect(t.upstream.requests[0]!.json()).toEqual({ user_name: "a", createdBy: "ann" });
    expect(await reply.json()).toEqual({ id: 1, items: [{ name: "a" }] });
    await t.close();
  });
});
