import { describe, expect, test } from "bun:test";
import { gzipSync } from "node:zlib";
import { testPlugin } from "sluice/testing";
import responseRewrite from "../../plugins/response-rewrite/index.ts";
import { pageExample } from "./page-example.ts";

const TEXT = { "Content-Type": "text/plain" };

async function rewritten(rules: unknown[], upstream: () => Response, asked: object = {}): Promise<Response> {
  const t = await testPlugin(responseRewrite, { config: { rules }, upstream });
  const reply = await t.request("/<x>?q=1", asked);
  const body = await reply.arrayBuffer();
  await t.close();
  return new Response([204, 304].includes(reply.status) ? null : body, reply);
}

const answering =
  (status: number, headers: Record<string, string> = TEXT, body: Bun.BodyInit | null = "old") =>
  () =>
    new Response(body, { status, headers });

describe("response-rewrite", () => {
  test("does the first rule whose conditions hold", async () => {
    const rules = [
      { when: { status: [404], contentType: ["text/html"] }, status: 200 },
      { when: { status: ["4xx"], source: ["upstream"] }, status: 410 },
      { when: { status: ["400-499"] }, status: 411 },
    ];
    expect((await rewritten(rules, answering(404))).status).toBe(410);
    expect((await rewritten(rules, answering(404, { "Content-Type": "Text/HTML; charset=x" }))).status).toBe(200);
    expect((await rewritten(rules, answering(500))).status).toBe(500);
  });

  test("shows a page of its own, safe from what is filled in", async () => {
    const rules = [
      { when: { status: ["5xx"] }, body: { html: "<h1>{status} {title}</h1><p>{path} {code} {{id}}</p>" } },
    ];
    const reply = await rewritten(
      rules,
      answering(503, { ...TEXT, "Retry-After": "7", "Content-Language": "de", ETag: '"1"' }),
    );
    expect(await reply.text()).toBe("<h1>503 Service Unavailable</h1><p>/&lt;x&gt;?q=1  {id}</p>");
    expect(reply.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(reply.headers.get("retry-after")).toBe("7");
    for (const gone of ["content-language", "etag"]) expect(reply.headers.has(gone)).toBe(false);
  });

  test("makes JSON in which everything stays a value", async () => {
    const body = {
      json: { error: { status: "{status}", query: "{query.q}", header: "{header.X-H}" }, more: [true, null] },
    };
    const asked = { headers: { "X-H": '"},{"' } };
    const reply = await rewritten([{ when: { status: [500] }, body }], answering(500), asked);
    expect(reply.headers.get("content-type")).toBe("application/json");
    expect(await reply.json()).toEqual({ error: { status: 500, query: "1", header: '"},{"' }, more: [true, null] });
  });

  test("tells Sluice's failures from the upstream's, by source and code", async () => {
    const rules = [
      { when: { source: ["sluice"], code: ["upstream_reset"] }, status: 503, body: { text: "back soon: {code}" } },
    ];
    const down = () => {
      throw new Error("down");
    };
    const reply = await rewritten(rules, down);
    expect(reply.status).toBe(503);
    expect(await reply.text()).toBe("back soon: upstream_reset");
    expect(await (await rewritten(rules, answering(502))).text()).toBe("old");
  });

  test("gives a page to those who ask for one, and says that it depends", async () => {
    const rules = [{ when: { status: [404], accepts: "text/html" }, body: { html: "page" } }];
    const browser = await rewritten(rules, answering(404), { headers: { Accept: "text/html,*/*;q=0.8" } });
    expect(await browser.text()).toBe("page");
    for (const Accept of ["*/*", "application/json", "text/html;q=0"]) {
      const reply = await rewritten(rules, answering(404), { headers: { Accept } });
      expect(await reply.text()).toBe("old");
      expect(reply.headers.get("vary")).toBe("Accept");
    }
    expect((await rewritten(rules, answering(200))).headers.has("vary")).toBe(false);
  });

  test("edits headers as the headers plugin does, all cookies kept", async () => {
    const upstream = () => {
      const reply = new Response("old", { headers: { "X-A": "1" } });
      for (const cookie of ["a=1", "b=2"]) reply.headers.append("Set-Cookie", cookie);
      return reply;
    };
    const headers = { remove: ["X-A"], set: { "X-B": "{clientIp}" } };
    const reply = await rewritten([{ headers, body: { text: "new" } }], upstream);
    expect(reply.headers.has("x-a")).toBe(false);
    expect(reply.headers.get("x-b")).toBe("203.0.113.1");
    expect(reply.headers.getSetCookie()).toEqual(["a=1", "b=2"]);
  });

  test("knows which replies have no body", async () => {
    const page = [{ status: 200, body: { text: "page" } }];
    const head = await rewritten(page, answering(200), { method: "HEAD" });
    expect([head.status, await head.text()]).toEqual([200, ""]);
    expect(head.headers.get("content-length")).toBe("4");
    const emptied = await rewritten([{ status: 204 }], answering(200, { ...TEXT, ETag: '"1"' }));
    expect([emptied.status, await emptied.text(), emptied.headers.has("content-type")]).toEqual([204, "", false]);
    const kept = await rewritten([{ body: { text: "page" } }], answering(304, { ETag: '"1"' }, null));
    expect([kept.status, kept.headers.get("etag")]).toEqual([304, '"1"']);
    const filled = await rewritten([{ status: 200, body: { text: "page" } }], answering(204, {}, null));
    expect([filled.status, await filled.text()]).toEqual([200, "page"]);
  });
});

function inChunks(chunks: readonly string[]): Bun.BodyInit {
  const left = [...chunks];
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      await Promise.resolve();
      const chunk = left.shift();
      if (chunk === undefined) controller.close();
      else controller.enqueue(new TextEncoder().encode(chunk));
    },
  });
}

describe("response-rewrite substitutes", () => {
  test("plain text wherever the chunks end", async () => {
    const text = "aab http://old/ http://ol-d/ http://old http://o";
    const expected = "aXb http://new.example/ http://ol-d/ http://new.example http://o";
    const substitute = [
      { find: "http://old", replace: "http://new.example" },
      { find: "aab", replace: "aXb" },
    ];
    for (let size = 1; size <= text.length; size++) {
      const chunks = text.match(new RegExp(`.{1,${size}}`, "g"))!;
      const reply = await rewritten([{ substitute }], () => new Response(inChunks(chunks), { headers: TEXT }));
      expect(await reply.text()).toBe(expected);
    }
  });

  test("what could go on in the next chunk is all that is kept back", async () => {
    const t = await testPlugin(responseRewrite, {
      config: { rules: [{ substitute: [{ find: "secret", replace: "***" }] }] },
      upstream: () => new Response(inChunks(["a secret sec", "ond"]), { headers: TEXT }),
    });
    const reader = (await t.request("/x")).body!.getReader();
    expect(new TextDecoder().decode((await reader.read()).value)).toBe("a *** ");
    expect(new TextDecoder().decode((await reader.read()).value)).toBe("second");
    await reader.read();
    await t.close();
  });

  test("expressions in whole bodies, unpacked first", async () => {
    const body = new Uint8Array(gzipSync("card 1234-5678, card 9999-0000"));
    const substitute = [
      { regex: "(\\d{4})-\\d{4}", replace: "$1-****" },
      { find: "card", replace: "Karte $&" },
    ];
    const reply = await rewritten([{ substitute }], answering(200, { ...TEXT, "Content-Encoding": "gzip" }, body));
    expect(await reply.text()).toBe("Karte $& 1234-****, Karte $& 9999-****");
    expect(reply.headers.has("content-encoding")).toBe(false);
  });

  test("nothing in what is no text, or not UTF-8", async () => {
    const rules = [{ substitute: [{ find: "old", replace: "new" }] }];
    expect(await (await rewritten(rules, answering(200, { "Content-Type": "image/png" }))).text()).toBe("old");
    expect(
      await (await rewritten(rules, answering(200, { "Content-Type": "text/plain; charset=utf-16" }))).text(),
    ).toBe("old");
    expect(
      await (await rewritten(rules, answering(200, { "Content-Type": 'text/plain; charset="UTF-8"' }))).text(),
    ).toBe("new");
  });

  test("or refuses, or passes, what is too long to be held", async () => {
    const rule = { substitute: [{ regex: "o", replace: "0" }], limit: 2 };
    expect((await rewritten([rule], answering(200))).status).toBe(502);
    expect(await (await rewritten([{ ...rule, onTooLarge: "pass" }], answering(200))).text()).toBe("old");
    const streamed = () => new Response(inChunks(["o", "ld", "o"]), { headers: TEXT });
    expect(await (await rewritten([{ ...rule, onTooLarge: "pass" }], streamed)).text()).toBe("oldo");
    await expect(rewritten([rule], streamed)).rejects.toThrow();
  });
});

describe("response-rewrite refuses at set-up", () => {
  const wrong: Array<[rule: unknown, says: string]> = [
    [{}, "must say what to change"],
    [{ status: 204, body: { text: "x" } }, "has no body"],
    [{ body: { text: "x" }, substitute: [{ find: "a", replace: "b" }] }, "two rules"],
    [{ when: { status: ["6xx"] }, status: 200 }, "write 404, 5xx"],
    [{ when: { contentType: ["html"] }, status: 200 }, "no media type"],
    [{ body: { text: "{nobody}" } }, "not a placeholder"],
    [{ body: { text: "x", contentType: "a\nb" } }, "cannot stand in a header"],
    [{ headers: { set: { "Content-Length": "1" } } }, "take it out"],
    [{ substitute: [{ regex: "(", replace: "" }] }, "regular expression"],
  ];
  for (const [rule, says] of wrong)
    test(JSON.stringify(rule), async () => {
      await expect(testPlugin(responseRewrite, { config: { rules: [rule] } })).rejects.toThrow(says);
    });
});

describe("the example of response-rewrite.md", () => {
  test("does what the page says", async () => {
    const { rules } = pageExample("response-rewrite") as { rules: unknown[] };
    const page = await rewritten(rules, answering(502), { headers: { Accept: "text/html" } });
    expect(page.status).toBe(502);
    expect(await page.text()).toContain("<h1>502 Bad Gateway</h1>");
    expect(await (await rewritten(rules, answering(502))).json()).toEqual({ error: "upstream", status: 502 });
    const html = { "Content-Type": "text/html" };
    expect(await (await rewritten(rules, answering(200, html, "see http://internal:9001/a"))).text()).toBe(
      "see https://www.example.com/a",
    );
  });
});
