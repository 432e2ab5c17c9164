import { describe, expect, test } from "bun:test";
import { testPlugin } from "sluice/testing";
import headers from "../../plugins/headers/index.ts";
import { pageExample } from "./page-example.ts";

const IDENTITY = {
  id: "ann",
  by: "test",
  claims: { tenant: "acme", realm: { roles: ["a", "b"] }, name: "Ž\r\nX-Evil: 1", n: 7 },
};

interface Sent {
  readonly config: unknown;
  readonly path?: string;
  readonly headers?: Record<string, string>;
  readonly reply?: Record<string, string>;
  readonly identity?: typeof IDENTITY;
}

/** What the upstream got, and what the client did. */
async function through({ config, path = "/x", headers: sent = {}, reply = {}, identity }: Sent) {
  const upstream = () => new Response("hi", { headers: reply });
  const t = await testPlugin(headers, { config, upstream, ...(identity === undefined ? {} : { identity }) });
  const down = await t.request(path, { headers: sent, clientIp: "203.0.113.9", host: "api.example.com" });
  const up = t.upstream.requests[0]!.headers;
  await t.close();
  return { up, down: down.headers };
}

describe("headers of requests", () => {
  test("are removed, renamed, replaced, defaulted, set and added in this order", async () => {
    const config = {
      request: {
        remove: ["X-Debug", "X-Internal-*"],
        rename: { "X-Old": "X-New" },
        replace: [{ name: "X-New", pattern: "o(\\d)", with: "0$1" }],
        default: { "X-New": "never", "X-Mode": "plain" },
        set: { "X-Set": "1" },
        add: { "X-Set": ["2", "3"], "X-Tag": "t" },
      },
    };
    const sent = {
      "X-Debug": "1",
      "x-internal-a": "1",
      "X-INTERNAL-B": "1",
      "X-Old": "o1 o2",
      "X-New": "mine",
      "X-Set": "0",
    };
    const { up } = await through({ config, headers: sent });
    for (const gone of ["x-debug", "x-internal-a", "x-internal-b", "x-old"]) expect(up.has(gone)).toBe(false);
    expect(up.get("x-new")).toBe("01 02");
    expect(up.get("x-mode")).toBe("plain");
    expect(up.get("x-set")).toBe("1, 2, 3");
    expect(up.get("x-tag")).toBe("t");
  });

  test("are filled in from the request", async () => {
    const set = {
      "X-A": "{clientIp} {scheme} {host} {header.X-In} {query.q}",
      "X-B": "{identity.id}/{identity.claims.tenant}/{identity.claims.realm.roles}/{identity.claims.n}",
      "X-C": "{{clientIp}} {not a placeholder}",
      "X-D": "{route}",
    };
    const { up } = await through({
      config: { request: { set } },
      path: "/x?q=%41",
      headers: { "X-In": "in" },
      identity: IDENTITY,
    });
    expect(up.get("x-a")).toBe("203.0.113.9 http api.example.com in A");
    expect(up.get("x-b")).toBe("ann/acme/a,b/7");
    expect(up.get("x-c")).toBe("{clientIp} {not a placeholder}");
    expect(up.get("x-d")).toBe("test");
  });

  test("cannot be broken out of: what no header can carry is percent-encoded", async () => {
    const { up } = await through({
      config: { request: { set: { "X-Name": "{identity.claims.name}" } } },
      identity: IDENTITY,
    });
    expect(up.get("x-name")).toBe("%C5%BD%0D%0AX-Evil: 1");
    expect(up.has("x-evil")).toBe(false);
  });

  test("that have nothing to say are not the client's instead", async () => {
    const { up } = await through({
      config: { request: { set: { "X-User": "{identity.id}" } } },
      headers: { "X-User": "root" },
    });
    expect(up.has("x-user")).toBe(false);
  });

  test("may be those that Sluice writes itself", async () => {
    const config = { request: { set: { "X-Forwarded-Proto": "https", "X-Real-IP": "{clientIp}" }, remove: ["Via"] } };
    const { up } = await through({ config, headers: { "X-Real-IP": "1.2.3.4" } });
    expect(up.get("x-forwarded-proto")).toBe("https");
    expect(up.get("x-real-ip")).toBe("203.0.113.9");
    expect(up.has("via")).toBe(false);
  });

  test("are removed by a prefix that covers some of Sluice's own", async () => {
    const { up } = await through({
      config: { request: { remove: ["X-*"] } },
      headers: { "X-Mine": "1", Accept: "a/b" },
    });
    expect([...up.keys()].filter((name) => name.startsWith("x-"))).toEqual([]);
    expect(up.get("accept")).toBe("a/b");
  });

  test("are replaced without reading $ in what a client sent", async () => {
    const config = { request: { replace: [{ name: "X-V", pattern: "old", with: "<{header.X-By}>" }] } };
    const { up } = await through({ config, headers: { "X-V": "an old one", "X-By": "$&$1" } });
    expect(up.get("x-v")).toBe("an <$&$1> one");
  });
});

describe("headers of replies", () => {
  test("are changed, each Set-Cookie by itself", async () => {
    const upstream = () => {
      const reply = new Response("hi", { headers: { "X-Powered-By": "php" } });
      reply.headers.append("Set-Cookie", "a=1; Path=/");
      reply.headers.append("Set-Cookie", "b=2; Path=/");
      return reply;
    };
    const config = {
      response: {
        remove: ["x-powered-*"],
        replace: [{ name: "Set-Cookie", pattern: "$", with: "; Secure" }],
        add: { "X-Id": "{id}", "X-From": "{upstream}" },
      },
    };
    const t = await testPlugin(headers, { config, upstream });
    const reply = await t.request("/x");
    expect(reply.headers.getSetCookie()).toEqual(["a=1; Path=/; Secure", "b=2; Path=/; Secure"]);
    expect(reply.headers.has("x-powered-by")).toBe(false);
    expect(reply.headers.get("x-id")).not.toBe("");
    expect(reply.headers.get("x-from")).toBe("upstream");
    expect(await reply.text()).toBe("hi");
    await t.close();
  });

  test("are set on failures too", async () => {
    const upstream = () => {
      throw new Error("down");
    };
    const t = await testPlugin(headers, { config: { response: { set: { "X-Edge": "a" } } }, upstream });
    expect((await t.request("/x")).headers.get("x-edge")).toBe("a");
    await t.close();
  });
});

describe("headers refuses at set-up", () => {
  const wrong: Array<[config: unknown, says: string]> = [
    [{}, "nothing to do"],
    [{ request: { set: { "X-A": "{nobody}" } } }, "not a placeholder"],
    [{ request: { set: { "X-A": "{identity.claims}" } } }, "not a placeholder"],
    [{ request: { set: { "Content-Length": "1" } } }, "take it out"],
    [{ request: { remove: ["transfer-encoding"] } }, "take it out"],
    [{ response: { rename: { "X-A": "Connection" } } }, "take it out"],
    [{ request: { set: { Host: "a" } } }, "rewrite"],
    [{ request: { set: { "X A": "1" } } }, "no header name"],
    [{ request: { set: { "X-A": "a\nb" } } }, "characters"],
    [{ request: { remove: ["*"] } }, "beginning"],
    [{ request: { replace: [{ name: "X-A", pattern: "(", with: "" }] } }, "regular expression"],
  ];
  for (const [config, says] of wrong)
    test(
      JSON.stringify(config),
      async () => await expect(testPlugin(headers, { config, upstream: () => new Response("") })).rejects.toThrow(says),
    );
});

describe("the example of headers.md", () => {
  test("says who asks and hides what runs", async () => {
    const { up, down } = await through({
      config: pageExample("headers"),
      headers: { "X-Internal-Trace": "1", "X-User": "root" },
      reply: { Server: "php", Location: "http://internal:9001/next" },
      identity: IDENTITY,
    });
    expect(up.get("x-user")).toBe("ann");
    expect(up.get("x-client")).toBe("203.0.113.9");
    expect(up.has("x-internal-trace")).toBe(false);
    expect(down.has("server")).toBe(false);
    expect(down.get("location")).toBe("https://api.example.com/next");
  });
});
