import { describe, expect, test } from "bun:test";
import { testPlugin } from "sluice/testing";
import logHttp from "../../plugins/log-http.ts";
import { pageExample } from "./page-example.ts";

const TURN = 2000;

interface Post {
  readonly url: string;
  readonly headers: Headers;
  readonly text: string;
}

type Answer = () => Response | Promise<Response>;
const hello: Answer = () => new Response("hello", { headers: { "set-cookie": "s=1", "x-cache": "hit" } });

async function start(config: object = {}, answer: Answer = () => new Response(null), upstream = hello) {
  const posts: Post[] = [];
  const t = await testPlugin(logHttp, {
    config: { url: "https://logs.example.com/in", ...config },
    upstream,
    fetch: (url, init) => {
      posts.push({ url, headers: new Headers(init?.headers), text: String(init?.body) });
      return answer();
    },
  });
  const ask = async (target: string, request: Parameters<typeof t.request>[1] = {}) =>
    (await t.request(target, request)).text();
  const records = () => posts.flatMap(({ text }) => JSON.parse(text) as Array<Record<string, unknown>>);
  return { t, posts, ask, records, [Symbol.asyncDispose]: () => t.close() };
}

describe("records", () => {
  test("go in batches, with what was asked for", async () => {
    await using s = await start({
      fields: ["method", "host", "path", "status", "clientIp", "route", "identity", "upstream"],
    });
    await s.ask("/a?secret=1", { identity: { id: "ada", by: "test" }, host: "api.example.com" });
    await s.ask("/b", { method: "POST", body: "x" });
    expect(s.posts).toEqual([]);
    await s.t.clock.advance(TURN);
    expect(s.posts.length).toBe(1);
    expect(s.posts[0]!.headers.get("content-type")).toBe("application/json");
    const common = { status: 200, clientIp: "203.0.113.1", route: "test", upstream: "upstream" };
    expect(s.records()).toEqual([
      { ...common, method: "GET", host: "api.example.com", path: "/a", identity: "ada" },
      { ...common, method: "POST", host: "localhost", path: "/b" },
    ]);
    expect(s.t.metrics).toEqual({ records_total: 2 });
  });

  test("go at once when a batch is full, a record a line where that is wanted", async () => {
    await using s = await start({ batchSize: 2, format: "ndjson", fields: ["path"] });
    for (const path of ["/1", "/2", "/3"]) await s.ask(path);
    await s.t.idle();
    expect(s.posts.map(({ text }) => text)).toEqual(['{"path":"/1"}\n{"path":"/2"}\n']);
    expect(s.posts[0]!.headers.get("content-type")).toBe("application/x-ndjson");
    await s.t.clock.advance(TURN);
    expect(s.posts.at(-1)!.text).toBe('{"path":"/3"}\n');
  });

  test("go when the generation is closed", async () => {
    const s = await start({ fields: ["path"] });
    await s.ask("/last");
    await s.t.close();
    expect(s.records()).toEqual([{ path: "/last" }]);
  });

  test("of failures have their code", async () => {
    await using s = await start({ fields: ["status", "code", "source"] }, undefined, () =>
      Promise.reject(new Error("gone")),
    );
    await s.ask("/");
    await s.t.clock.advance(TURN);
    expect(s.records()).toEqual([{ status: 502, code: "upstream_reset", source: "sluice" }]);
  });
});

describe("secrets", () => {
  test("are masked in headers and queries, whatever is asked for", async () => {
    const headers = ["Authorization", "Cookie", "X-Tenant", "X-Session", "Accept"];
    const config = {
      fields: [],
      query: true,
      requestHeaders: headers,
      replyHeaders: ["Set-Cookie", "X-Cache"],
      mask: ["x-session", "PIN"],
    };
    await using s = await start(config);
    await s.ask("/?q=1&access_token=abc&access_token=def&pin=1234", {
      headers: { authorization: "Bearer abc", cookie: "a=1", "x-tenant": "acme", "x-session": "abc" },
    });
    await s.t.clock.advance(TURN);
    expect(s.records()).toEqual([
      {
        query: "q=1&access_token=***&pin=***",
        requestHeaders: { authorization: "***", cookie: "***", "x-tenant": "acme", "x-session": "***" },
        replyHeaders: { "set-cookie": "***", "x-cache": "hit" },
      },
    ]);
  });

  test("for the collector go to the collector", async () => {
    await using s = await start({ headers: { Authorization: "Bearer collector" } });
    await s.ask("/");
    await s.t.clock.advance(TURN);
    expect(s.posts[0]!.headers.get("authorization")).toBe("Bearer collector");
    expect(JSON.stringify(s.t.logs)).not.toContain("Bearer");
  });
});

describe("a collector that fails", () => {
  test("is asked again, later each time, and gets everything once it is back", async () => {
    let up = false;
    await using s = await start({ fields: ["path"] }, () => new Response(null, { status: up ? 204 : 503 }));
    await s.ask("/1");
    const asked: number[] = [];
    for (let turn = 1; turn <= 7; turn++) {
      await s.t.clock.advance(TURN);
      if (s.posts.length > asked.length) asked.push(turn);
    }
    expect(asked).toEqual([1, 3, 7]);
    up = true;
    await s.ask("/2");
    await s.t.clock.advance(8 * TURN);
    expect(s.posts.at(-1)!.text).toBe('[{"path":"/1"},{"path":"/2"}]');
    expect(s.t.metrics).toEqual({ records_total: 2 });
  });

  test("loses a batch after so many tries, and says so", async () => {
    await using s = await start({ retries: 1 }, () => Promise.reject(new TypeError("refused")));
    await s.ask("/");
    await s.t.clock.advance(10 * TURN);
    expect(s.posts.length).toBe(2);
    expect(s.t.metrics).toEqual({ 'dropped_total{reason="retries"}': 1 });
    expect(s.t.logs.some(({ message }) => message.includes("are lost"))).toBe(true);
  });

  test("is not asked again for what it refuses", async () => {
    await using s = await start({}, () => new Response(null, { status: 400 }));
    await s.ask("/");
    await s.t.clock.advance(10 * TURN);
    expect(s.posts.length).toBe(1);
    expect(s.t.metrics).toEqual({ 'dropped_total{reason="refused"}': 1 });
  });

  test("makes records wait up to a bound, and no request", async () => {
    const held = Promise.withResolvers<Response>();
    await using s = await start({ queueSize: 3, batchSize: 2, fields: ["path"] }, () => held.promise);
    for (let i = 0; i < 10; i++) expect(await s.ask(`/${i}`)).toBe("hello");
    expect(s.posts.length).toBe(1);
    expect(s.t.metrics).toEqual({ 'dropped_total{reason="queue"}': 7 });
    held.resolve(new Response(null));
  });
});

test("a configuration that means nothing is refused", async () => {
  await expect(start({ url: "logs.example.com" })).rejects.toThrow("url");
  await expect(start({ fields: ["body"] })).rejects.toThrow("fields");
  await expect(start({ flushEvery: 1 })).rejects.toThrow("flushEvery");
});

test("the page's example sends through the collector's upstream, with the token masked", async () => {
  const example = pageExample("log-http") as { url: string };
  // The only upstream that a test has without a field that names it.
  const config = { ...example, url: example.url.replace("//collector/", "//upstream/") };
  await using t = await testPlugin(logHttp, { config, route: { name: "all" } });
  await (await t.request("/x", { headers: { authorization: "Bearer mine", "user-agent": "test" } })).text();
  await t.clock.advance(TURN);
  await t.idle();
  const sent = t.upstream.requests.find(({ target }) => target === "/records")!;
  expect(sent.headers.get("authorization")).toContain("Bearer");
  expect(sent.json()).toMatchObject([
    {
      method: "GET",
      path: "/x",
      status: 200,
      route: "all",
      requestHeaders: { "user-agent": "test", authorization: "***" },
    },
  ]);
});
