import { describe, expect, test } from "bun:test";
import { testPlugin } from "sluice/testing";
import mock from "../../plugins/mock/index.ts";
import { pageExample } from "./page-example.ts";

const start = (responses: object[], rest: object = {}) => testPlugin(mock, { config: { responses, ...rest } });

describe("a reply is found", () => {
  test("by method and path, the first that fits", async () => {
    await using t = await start([
      { methods: ["post"], path: "/users", status: 201 },
      { path: "/users/:id", body: "one" },
      { path: "/files/*", body: "file" },
    ]);
    expect((await t.request("/users", { method: "POST" })).status).toBe(201);
    expect((await t.request("/users")).status).toBe(404);
    expect(await (await t.request("/users/7")).text()).toBe("one");
    expect((await t.request("/users/")).status).toBe(404);
    for (const path of ["/files", "/files/a/b"]) expect(await (await t.request(path)).text()).toBe("file");
    expect((await t.request("/filesystem")).status).toBe(404);
    expect(t.upstream.requests).toEqual([]);
  });

  test("by query and headers, where a star means any value", async () => {
    await using t = await start([{ query: { q: "1", page: "*" }, headers: { "X-Mock": "yes" } }]);
    const headers = { "x-mock": "yes" };
    expect((await t.request("/?q=1&page=", { headers })).status).toBe(200);
    expect((await t.request("/?q=2&page=1", { headers })).status).toBe(404);
    expect((await t.request("/?q=1", { headers })).status).toBe(404);
    expect((await t.request("/?q=1&page=1")).status).toBe(404);
  });

  test("or the request goes on, where the configuration says so", async () => {
    await using t = await start([{ path: "/a" }], { otherwise: "forward" });
    await t.request("/b");
    expect(t.upstream.requests.map(({ target }) => target)).toEqual(["/b"]);
  });
});

describe("where several fit", () => {
  test("a sequence goes round, for each set by itself", async () => {
    await using t = await start(
      [
        { path: "/a", body: "1" },
        { path: "/a", body: "2" },
        { path: "/b", body: "x" },
      ],
      { choose: "sequence" },
    );
    const seen: string[] = [];
    for (const path of ["/a", "/b", "/a", "/a"]) seen.push(await (await t.request(path)).text());
    expect(seen).toEqual(["1", "x", "2", "1"]);
  });

  test("weight 0 is never drawn", async () => {
    await using t = await start(
      [
        { body: "never", weight: 0 },
        { body: "always", weight: 3 },
      ],
      { choose: "weighted" },
    );
    for (let i = 0; i < 20; i++) expect(await (await t.request("/")).text()).toBe("always");
  });
});

describe("holes are filled", () => {
  test("from the request, and stay inside their JSON string", async () => {
    await using t = await start([
      { path: "/u/:id", json: { id: "{{params.id}}", all: ["{{query.q}}", 3], on: true, by: "{{method}}" } },
    ]);
    const reply = await t.request("/u/a%22b?q=%22%5D%2C%22x");
    expect(reply.headers.get("content-type")).toBe("application/json");
    expect(await reply.json()).toEqual({ id: 'a"b', all: ['"],"x', 3], on: true, by: "GET" });
  });

  test("as text in HTML, whatever the client sends", async () => {
    await using t = await start([{ reply: { "content-type": "text/html" }, body: "<p>{{query.q}}</p>" }]);
    expect(await (await t.request("/?q=%3Cscript%3E")).text()).toBe("<p>&lt;script&gt;</p>");
  });

  test("in headers without a line break getting in", async () => {
    await using t = await start([{ reply: { "X-Q": "{{query.q}}" } }]);
    expect((await t.request("/?q=a%0d%0aX-Evil:%201%C4%8D")).headers.get("x-q")).toBe("a??X-Evil: 1?");
  });

  test("with nothing where there is no value, and never from a prototype", async () => {
    await using t = await start([{ body: "[{{query.no}}{{params.constructor}}]" }]);
    expect(await (await t.request("/")).text()).toBe("[]");
  });
});

test("latency delays the reply and nothing else", async () => {
  await using t = await start([{ latency: 2, body: "late" }]);
  expect(await (await t.request("/")).text()).toBe("late");
});

test("a configuration that means nothing is refused with what to do", async () => {
  await expect(start([{ body: "a", json: 1 }])).rejects.toThrow("responses[0]: body or json, not both");
  await expect(start([{ status: 204, body: "a" }])).rejects.toThrow("a 204 has no body");
  await expect(start([{ path: "users" }])).rejects.toThrow('must start with "/"');
  await expect(start([{ body: "{{user.name}}" }])).rejects.toThrow(
    "nothing fills {{user.name}}; there are {{params.NAME}}",
  );
  await expect(start([{ json: { a: ["{{params}}"] } }])).rejects.toThrow("nothing fills {{params}}");
  await expect(start([{ reply: { "bad name": "x" } }])).rejects.toThrow();
  await expect(start([{ latency: 61_000 }])).rejects.toThrow("latency");
  await expect(start([])).rejects.toThrow("responses");
});

test("the page's example answers for users and forwards the rest", async () => {
  await using t = await testPlugin(mock, { config: pageExample("mock") });
  expect(await (await t.request("/api/users/7")).json()).toMatchObject({ id: "7", name: "Ada" });
  const created = await t.request("/api/users", { method: "POST", body: "{}" });
  expect(created.status).toBe(201);
  expect(created.headers.get("location")).toMatch(/^\/api\/users\/[0-9a-f-]{36}$/);
  await t.request("/api/orders");
  expect(t.upstream.requests.map(({ target }) => target)).toEqual(["/api/orders"]);
});
