import { describe, expect, test } from "bun:test";
import { testPlugin } from "sluice/testing";
import requestValidation from "../../plugins/request-validation/index.ts";
import { pageExample } from "./page-example.ts";

const start = (config: object, path = "/*") => testPlugin(requestValidation, { config, route: { path } });
type Started = Awaited<ReturnType<typeof start>>;

const JSON_TYPE = { "content-type": "application/json" };

/** The status of what comes back for `body`, and the detail where it is refused. */
async function post(t: Started, body: Bun.BodyInit | null, headers: Record<string, string> = JSON_TYPE, target = "/") {
  const reply = await t.request(target, { method: "POST", body, headers });
  const text = await reply.text();
  return reply.status === 200 ? "200" : `${reply.status} ${(JSON.parse(text) as { detail?: string }).detail}`;
}

async function get(t: Started, target: string, headers: Record<string, string> = {}) {
  const reply = await t.request(target, { headers });
  const text = await reply.text();
  return reply.status === 200 ? "200" : `${reply.status} ${(JSON.parse(text) as { detail?: string }).detail}`;
}

const person = {
  type: "object",
  required: ["name"],
  additionalProperties: false,
  properties: {
    name: { type: "string" },
    age: { type: "integer", minimum: 0 },
    mail: { type: "string", format: "email" },
  },
};

describe("a body", () => {
  test("that fits goes on as it came", async () => {
    await using t = await start({ body: person });
    const text = '{ "name": "Ada",\n "age": 36 }';
    expect(await post(t, text)).toBe("200");
    expect(t.upstream.requests[0]!.text()).toBe(text);
  });

  test("that does not is refused with every mistake's place, and never its values", async () => {
    await using t = await start({ body: person });
    const detail = await post(t, '{"age":-1,"mail":"secret@@","admin":true}');
    expect(detail.slice(0, 4)).toBe("400 ");
    expect(detail.slice(4).split("; ").sort()).toEqual([
      'body must NOT have additional properties ("admin")',
      "body must have required property 'name'",
      "body/age must be >= 0",
      'body/mail must match format "email"',
    ]);
    expect(t.upstream.requests).toEqual([]);
    expect(t.metrics).toEqual({ 'refused_total{status="400"}': 1 });
  });

  test("lists as many mistakes as it may", async () => {
    await using t = await start({ body: { items: { type: "string" } }, maxErrors: 2 });
    expect(await post(t, "[1,2,3]")).toBe("400 body/0 must be string; body/1 must be string");
  });

  test("that is no JSON, no UTF-8, empty or not there is refused", async () => {
    await using t = await start({ body: true });
    expect(await post(t, '{"a":')).toBe("400 the body is not valid JSON");
    expect(await post(t, new Uint8Array([0x22, 0xff, 0x22]))).toBe("400 the body is not UTF-8");
    expect(await post(t, "")).toBe("400 body is required");
    expect(await post(t, null)).toBe("400 body is required");
    expect(await post(t, new Blob([]).stream())).toBe("400 body is required");
    expect(await get(t, "/")).toBe("200");
  });

  test("of another type, or one that cannot be read here, gets 415", async () => {
    await using t = await start({ body: true, contentTypes: ["application/json", "application/*+json"] });
    expect(await post(t, "1", { "content-type": "Application/JSON; charset=utf-8" })).toBe("200");
    expect(await post(t, "1", { "content-type": "application/merge-patch+json" })).toBe("200");
    for (const type of ["text/plain", "application/jsonx", "application/+json", "application/json, text/plain"])
      expect(await post(t, "1", { "content-type": type }), type).toStartWith("415");
    expect(await post(t, new Uint8Array([0x31]), {})).toStartWith("415");
    expect(await post(t, "1", { ...JSON_TYPE, "content-encoding": "gzip" })).toStartWith("415");
  });

  test("that is too long gets 413, however it comes", async () => {
    await using t = await start({ body: true, maxBody: 10 });
    const long = JSON.stringify("x".repeat(20));
    expect((await t.request("/", { method: "POST", body: long, headers: JSON_TYPE })).status).toBe(413);
    const stream = new Blob([long]).stream();
    expect((await t.request("/", { method: "POST", body: stream, headers: JSON_TYPE })).status).toBe(413);
  });

  test("is never coerced", async () => {
    await using t = await start({ body: person });
    expect(await post(t, '{"name":"a","age":"1"}')).toBe("400 body/age must be integer");
  });

  test("that is hostile is refused and nothing more", async () => {
    await using t = await start({
      body: { $ref: "#/$defs/n", $defs: { n: { items: { $ref: "#/$defs/n" }, type: "array" } } },
    });
    expect(await post(t, "[".repeat(400_000) + "]".repeat(400_000))).toMatch(
      /^400 (body is nested too deeply|the body is )/,
    );
    expect(await post(t, `[${"1,".repeat(400_000)}1]`)).toBe("400 body/0 must be array");
    await using own = await start({ body: { required: ["constructor", "toString"] } });
    expect(await post(own, "{}")).toStartWith("400");
    await using strict = await start({ body: person });
    expect(await post(strict, '{"name":"a","__proto__":{"x":1}}')).toStartWith("400");
    expect((await post(strict, JSON.stringify({ name: "a", ["k".repeat(10_000)]: 1 }))).length).toBeLessThan(200);
  });
});

describe("query, headers and parameters", () => {
  test("are text that counts as what it says", async () => {
    await using t = await start({
      query: {
        properties: { page: { type: "integer", maximum: 9 }, tag: { type: "array", items: { enum: ["a", "b"] } } },
      },
      headers: { required: ["x-tenant"], properties: { "x-dry": { type: "boolean" } } },
    });
    const headers = { "x-tenant": "acme" };
    expect(await get(t, "/?page=7&tag=a&tag=b", headers)).toBe("200");
    expect(await get(t, "/?tag=a", { ...headers, "X-Dry": "true" })).toBe("200");
    expect(await get(t, "/?page=10", headers)).toBe("400 query/page must be <= 9");
    expect(await get(t, "/?page=1&page=2", headers)).toBe("400 query/page must be integer");
    expect(await get(t, "/?tag=c", headers)).toBe(
      '400 query/tag/0 must be equal to one of the allowed values ("a", "b")',
    );
    expect(await get(t, "/")).toBe("400 headers must have required property 'x-tenant'");
    expect(await get(t, "/?__proto__=1&constructor=2", headers)).toBe("200");
  });

  test("are text and nothing else where coerce is off", async () => {
    await using t = await start({ query: { properties: { page: { type: "integer" } } }, coerce: false });
    expect(await get(t, "/?page=7")).toBe("400 query/page must be integer");
  });
});

describe("a schema", () => {
  test("may be of draft 7", async () => {
    await using t = await start({ draft: "7", body: { items: [{ type: "string" }], additionalItems: false } });
    expect(await post(t, '["a"]')).toBe("200");
    expect(await post(t, '["a","b"]')).toStartWith("400");
  });

  test("that is none is refused at once, as is one that would have to be fetched", async () => {
    await expect(start({ body: { type: "strng" } })).rejects.toThrow("body is no valid JSON Schema");
    await expect(start({ query: 7 })).rejects.toThrow("query must be a JSON Schema");
    await expect(start({ body: { $ref: "http://example.com/s" } })).rejects.toThrow("leads elsewhere");
    await expect(start({ body: { $ref: "#/$defs/gone" } })).rejects.toThrow("body is no valid JSON Schema");
    await expect(start({})).rejects.toThrow("nothing to validate with");
    await expect(start({ responseBody: true })).rejects.toThrow("wants `responses: log`");
  });
});

describe("replies", () => {
  test("that break their schema are logged and counted, and go out all the same", async () => {
    await using t = await testPlugin(requestValidation, {
      config: { responseBody: { type: "array" }, responses: "log" },
      upstream: (request) => Response.json(new URL(request.url).pathname === "/good" ? [] : { password: "x" }),
    });
    expect(await (await t.request("/good")).json()).toEqual([]);
    expect(t.logs).toEqual([]);
    expect(await (await t.request("/bad")).json()).toEqual({ password: "x" });
    expect(t.logs).toMatchObject([{ level: "warn", status: 200, mistakes: ["reply must be array"] }]);
    expect(t.metrics).toEqual({ invalid_replies_total: 1 });
  });
});

test("the page's example takes people and says what is wrong with others", async () => {
  await using t = await start(pageExample("request-validation") as object, "/users/:id");
  expect(await post(t, '{"name":"Ada","email":"ada@example.com"}', JSON_TYPE, "/users/7?dryRun=true")).toBe("200");
  expect(await post(t, '{"name":"Ada","email":"ada"}', JSON_TYPE, "/users/x?dry=1")).toBe(
    '400 query must NOT have additional properties ("dry"); params/id must be integer; body/email must match format "email"',
  );
});
