import { describe, expect, test } from "bun:test";
import { testPlugin } from "sluice/testing";
import forwardAuth from "../../plugins/forward-auth.ts";
import { pageExample } from "./page-example.ts";

const URL_OF_AUTH = "http://auth.internal/verify";

interface Asked {
  readonly url: string;
  readonly method: string;
  readonly headers: Headers;
}

/** A service that notes what it is asked. */
function service(answer: (asked: Asked) => Response | Promise<Response>) {
  const asked: Asked[] = [];
  const fetch = (url: string, init: RequestInit = {}) => {
    const one = { url, method: init.method ?? "GET", headers: new Headers(init.headers) };
    asked.push(one);
    return answer(one);
  };
  return { asked, fetch };
}

const ok = (headers: Record<string, string> = {}) => new Response(null, { status: 204, headers });

describe("forward-auth", () => {
  test("tells the service what Traefik would, and lets in whom it lets in", async () => {
    const auth = service(() => ok());
    await using t = await testPlugin(forwardAuth, { config: { url: URL_OF_AUTH }, fetch: auth.fetch });
    const headers = {
      Authorization: "Bearer x",
      Cookie: "a=1; b=2",
      "X-Other": "no",
      "X-Forwarded-For": "1.1.1.1",
      "X-Forwarded-Uri": "/public",
    };
    const request = {
      method: "PUT",
      headers,
      body: "data",
      host: "api.example.com:8080",
      clientIp: "198.51.100.7",
      scheme: "https" as const,
    };
    expect((await t.request("/a%2Fb?c=d", request)).status).toBe(200);
    const [asked] = auth.asked;
    expect([asked!.url, asked!.method]).toEqual([URL_OF_AUTH, "GET"]);
    expect(Object.fromEntries(asked!.headers)).toMatchObject({
      authorization: "Bearer x",
      cookie: "a=1; b=2",
      "x-forwarded-method": "PUT",
      "x-forwarded-proto": "https",
      "x-forwarded-host": "api.example.com:8080",
      "x-forwarded-uri": "/a%2Fb?c=d",
      "x-forwarded-for": "198.51.100.7",
    });
    expect(asked!.headers.has("x-other")).toBe(false);
    expect(t.upstream.requests[0]!.text()).toBe("data");
  });

  test("shows the service only the cookies it is to see", async () => {
    const auth = service(() => ok());
    await using t = await testPlugin(forwardAuth, {
      config: { url: URL_OF_AUTH, cookies: ["session"] },
      fetch: auth.fetch,
    });
    await t.request("/", { headers: { Cookie: "xsession=1; session=a=b;session2=3" } });
    await t.request("/", { headers: { Cookie: "other=1" } });
    expect(auth.asked.map(({ headers }) => headers.get("cookie"))).toEqual(["session=a=b", null]);
  });

  test("hands on what the service says of the client, and nothing that the client says itself", async () => {
    const auth = service(() => ok({ "X-User": "ada", "X-Secret": "no" }));
    const config = { url: URL_OF_AUTH, responseHeaders: ["X-User", "X-Roles"], identityHeader: "X-User" };
    await using t = await testPlugin(forwardAuth, { config, fetch: auth.fetch });
    await t.request("/", { headers: { "x-user": "root", "X-Roles": "admin" } });
    const { headers } = t.upstream.requests[0]!;
    expect(["x-user", "x-roles", "x-secret", "x-auth-id", "x-auth-by"].map((name) => headers.get(name))).toEqual([
      "ada",
      null,
      null,
      "ada",
      "forward-auth",
    ]);
  });

  test("gives the client the service's refusal, cookies and redirect included", async () => {
    const auth = service(() => {
      const headers = new Headers({
        Location: "https://login.example.com/?rd=x",
        Connection: "X-Hop",
        "X-Hop": "1",
        "Keep-Alive": "timeout=5",
      });
      headers.append("Set-Cookie", "a=1; Path=/");
      headers.append("Set-Cookie", "b=2");
      return new Response("go there", { status: 302, headers });
    });
    await using t = await testPlugin(forwardAuth, { config: { url: URL_OF_AUTH }, fetch: auth.fetch });
    const reply = await t.request("/");
    expect([reply.status, reply.headers.get("location"), await reply.text()]).toEqual([
      302,
      "https://login.example.com/?rd=x",
      "go there",
    ]);
    expect(reply.headers.getSetCookie()).toEqual(["a=1; Path=/", "b=2"]);
    expect([reply.headers.get("x-hop"), reply.headers.get("keep-alive")]).toEqual([null, null]);
    expect(t.upstream.requests).toEqual([]);
  });

  test("passes any other answer on as it is", async () => {
    for (const status of [304, 401, 403, 429, 500]) {
      const auth = service(
        () => new Response(status === 304 ? null : "no", { status, headers: { "WWW-Authenticate": "Custom" } }),
      );
      await using t = await testPlugin(forwardAuth, { config: { url: URL_OF_AUTH }, fetch: auth.fetch });
      const reply = await t.request("/");
      expect([reply.status, reply.headers.get("www-authenticate")]).toEqual([status, "Custom"]);
    }
  });

  test("answers 503 where the service does not, or answers too much", async () => {
    const answers: Array<() => Response | Promise<Response>> = [
      () => {
        throw new TypeError("connection refused to 10.0.0.1");
      },
      () => Promise.reject(new DOMException("timed out", "TimeoutError")),
      () => new Response(new Uint8Array(1024 * 1024 + 1), { status: 403 }),
    ];
    for (const answer of answers) {
      await using t = await testPlugin(forwardAuth, { config: { url: URL_OF_AUTH }, fetch: service(answer).fetch });
      const reply = await t.request("/");
      expect([reply.status, reply.headers.get("retry-after")]).toEqual([503, "2"]);
      const text = await reply.text();
      expect(text).toContain("plugin:auth_unavailable");
      expect(text).not.toContain("10.0.0.1");
      expect(t.upstream.requests).toEqual([]);
    }
  });

  test("lets everybody in without the service where it is told to, without what they claim to be", async () => {
    const auth = service(() => {
      throw new TypeError("refused");
    });
    const config = { url: URL_OF_AUTH, onUnavailable: "allow", responseHeaders: ["X-User"] };
    await using t = await testPlugin(forwardAuth, { config, fetch: auth.fetch });
    expect((await t.request("/", { headers: { "X-User": "root" } })).status).toBe(200);
    expect(t.upstream.requests[0]!.headers.get("x-user")).toBeNull();
  });

  test("remembers who was let in, for as long as it is told to, and nobody else", async () => {
    const auth = service(({ headers }) =>
      headers.get("authorization") === "bad"
        ? new Response(null, { status: 403 })
        : ok({ "X-User": headers.get("authorization")! }),
    );
    const config = { url: URL_OF_AUTH, responseHeaders: ["X-User"], cache: { ttl: "10s" } };
    await using t = await testPlugin(forwardAuth, { config, fetch: auth.fetch });
    const status = async (Authorization: string, target = "/", method = "GET") =>
      (await t.request(target, { method, headers: { Authorization } })).status;
    expect(await Promise.all([status("a"), status("a"), status("a")])).toEqual([200, 200, 200]);
    expect(auth.asked).toHaveLength(1);
    await status("b");
    await status("a", "/other");
    await status("a", "/", "POST");
    expect(auth.asked).toHaveLength(4);
    expect(t.upstream.requests.map(({ headers }) => headers.get("x-user")).join("")).toBe("aaabaa");
    expect([await status("bad"), await status("bad")]).toEqual([403, 403]);
    expect(auth.asked).toHaveLength(6);
    await t.clock.advance(10_000);
    await status("a");
    expect(auth.asked).toHaveLength(7);
  });

  test("gives every one of those who wait for the same refusal all of it", async () => {
    const auth = service(async () => (await Bun.sleep(0), new Response("no entry", { status: 403 })));
    await using t = await testPlugin(forwardAuth, {
      config: { url: URL_OF_AUTH, cache: { ttl: "10s" } },
      fetch: auth.fetch,
    });
    const replies = await Promise.all([t.request("/"), t.request("/")]);
    expect(await Promise.all(replies.map((reply) => reply.text()))).toEqual(["no entry", "no entry"]);
    expect(auth.asked).toHaveLength(1);
  });

  test("remembers by what it is told to, and not what must not be kept", async () => {
    let control = "max-age=60";
    const auth = service(() => ok({ "Cache-Control": control }));
    const config = { url: URL_OF_AUTH, cache: { ttl: "10s", by: ["X-Api-Key"], everyPath: true } };
    await using t = await testPlugin(forwardAuth, { config, fetch: auth.fetch });
    const ask = (target: string, key: string, Cookie: string) =>
      t.request(target, { headers: { "X-Api-Key": key, Cookie } });
    await ask("/a", "k", "1");
    await ask("/b", "k", "2");
    expect(auth.asked).toHaveLength(1);
    control = "no-store";
    await ask("/a", "other", "1");
    await ask("/a", "other", "1");
    expect(auth.asked).toHaveLength(3);
  });

  for (const [config, says] of [
    [{ url: "auth/verify" }, "is no URL"],
    [{ url: "file:///etc/passwd" }, "is no URL"],
    [{ url: URL_OF_AUTH, responseHeaders: ["Connection"] }, "belongs to one connection"],
    [{ url: URL_OF_AUTH, requestHeaders: ["Content-Length"] }, "belongs to one connection"],
    [{ url: URL_OF_AUTH, cache: { ttl: 1000, by: [] } }, "by"],
  ] as const) {
    test(`does not start with ${JSON.stringify(config)}`, () => {
      expect(testPlugin(forwardAuth, { config })).rejects.toThrow(says);
    });
  }

  test("does what the page says", async () => {
    const auth = service(({ headers }) =>
      headers.get("cookie") === "session=1"
        ? ok({ "X-User": "ada", "X-Roles": "a,b" })
        : new Response("log in", { status: 401 }),
    );
    await using t = await testPlugin(forwardAuth, { config: pageExample("forward-auth"), fetch: auth.fetch });
    expect((await t.request("/api/x", { headers: { Cookie: "session=1" } })).status).toBe(200);
    expect(t.upstream.requests[0]!.headers.get("x-roles")).toBe("a,b");
    expect(await (await t.request("/api/x")).text()).toBe("log in");
    expect(auth.asked[0]!.url).toBe("http://127.0.0.1:9002/verify");
  });
});
