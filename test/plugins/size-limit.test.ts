import { describe, expect, test } from "bun:test";
import { testPlugin } from "sluice/testing";
import sizeLimit from "../../plugins/size-limit.ts";
import { pageExample } from "./page-example.ts";

/** A body that does not say its length. */
function chunked(...chunks: readonly string[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(Buffer.from(chunk));
      controller.close();
    },
  });
}

const post = (body: string | ReadableStream<Uint8Array>) => ({ method: "POST", body });

describe("size-limit", () => {
  test("answers 413 to a body that says it is too long, and lets one of just the limit pass", async () => {
    await using t = await testPlugin(sizeLimit, { config: { maxBody: 5 } });
    expect((await t.request("/", post("12345"))).status).toBe(200);
    const refused = await t.request("/", post("123456"));
    expect(refused.status).toBe(413);
    expect(await refused.json()).toMatchObject({ code: "body_too_large" });
    expect((await t.request("/")).status).toBe(200);
    expect(t.upstream.requests.map((request) => request.text())).toEqual(["12345", ""]);
  });

  test("answers 413 to a body of unknown length before anything goes upstream", async () => {
    await using t = await testPlugin(sizeLimit, { config: { maxBody: 5 } });
    const refused = await t.request("/", post(chunked("123", "456", "789")));
    expect(refused.status).toBe(413);
    expect(await refused.json()).toMatchObject({ code: "body_too_large" });
    expect(t.upstream.requests).toEqual([]);
  });

  test("forwards a body of unknown length that is small enough, whole", async () => {
    await using t = await testPlugin(sizeLimit, { config: { maxBody: 5 } });
    expect((await t.request("/", post(chunked("12", "345")))).status).toBe(200);
    expect(t.upstream.requests[0]!.text()).toBe("12345");
  });

  test("answers 411 to a body of unknown length where it is told to", async () => {
    await using t = await testPlugin(sizeLimit, { config: { maxBody: 5, unknownLength: "refuse" } });
    expect((await t.request("/", post(chunked("1")))).status).toBe(411);
    expect((await t.request("/", post("1"))).status).toBe(200);
  });

  test("reads no body where only other limits are set", async () => {
    await using t = await testPlugin(sizeLimit, { config: { maxQuery: 5, unknownLength: "refuse" } });
    expect((await t.request("/", post(chunked("1")))).status).toBe(200);
  });

  test("answers 414 to a long query or target", async () => {
    await using query = await testPlugin(sizeLimit, { config: { maxQuery: 3 } });
    expect((await query.request("/?a=1")).status).toBe(200);
    expect((await query.request("/?a=12")).status).toBe(414);
    expect((await query.request("/long-path-without-a-query")).status).toBe(200);
    await using uri = await testPlugin(sizeLimit, { config: { maxUri: 6 } });
    expect((await uri.request("/a?b=1")).status).toBe(200);
    expect(await (await uri.request("/ab?b=1")).json()).toMatchObject({ status: 414, code: "uri_too_long" });
  });

  test("answers 431 to many or long header fields", async () => {
    const fields = (n: number) => ({
      headers: Object.fromEntries(Array.from({ length: n }, (_, i) => [`x-${i}`, "v"])),
    });
    // Host is one of them.
    await using count = await testPlugin(sizeLimit, { config: { maxHeaders: 3 } });
    expect((await count.request("/", fields(2))).status).toBe(200);
    expect(await (await count.request("/", fields(3))).json()).toMatchObject({ status: 431, code: "header_too_large" });
    // "Host: localhost" and "x-a: v…", each with its line's end.
    await using bytes = await testPlugin(sizeLimit, { config: { maxHeaderBytes: 17 + 7 + 10 } });
    expect((await bytes.request("/", { headers: { "x-a": "v".repeat(10) } })).status).toBe(200);
    expect((await bytes.request("/", { headers: { "x-a": "v".repeat(11) } })).status).toBe(431);
  });

  test("does not start without any limit", () => {
    expect(testPlugin(sizeLimit, { config: {} })).rejects.toThrow("at least one");
  });

  test("does what the page says", async () => {
    await using t = await testPlugin(sizeLimit, { config: pageExample("size-limit") });
    expect((await t.request("/api/x", post("hello"))).status).toBe(200);
    expect((await t.request("/api/x", { method: "POST", body: new Uint8Array(1024 * 1024 + 1) })).status).toBe(413);
    expect((await t.request(`/api/x?${"q".repeat(2049)}`)).status).toBe(414);
  });
});
