import { describe, expect, test } from "bun:test";
import { testPlugin } from "sluice/testing";
import maintenance from "../../plugins/maintenance.ts";
import { pageExample } from "./page-example.ts";

const start = (config: object = {}) => testPlugin(maintenance, { config });
const inMs = (ms: number) => new Date(Date.now() + ms).toISOString();

async function statusOf(
  config: object,
  target = "/",
  request: Parameters<Awaited<ReturnType<typeof start>>["request"]>[1] = {},
) {
  await using t = await start(config);
  return (await t.request(target, request)).status;
}

describe("while it is closed", () => {
  test("programs get problem+json, and are told when to come back", async () => {
    await using t = await start({ retryAfter: 90_000, message: "Moving house." });
    for (const accept of ["*/*", "application/json", "text/html;q=0.1, application/json", "text/html;q=0"]) {
      const reply = await t.request("/", { headers: { accept } });
      expect(reply.status).toBe(503);
      expect(reply.headers.get("retry-after")).toBe("90");
      expect(reply.headers.get("cache-control")).toBe("no-store");
      expect(await reply.json()).toMatchObject({ status: 503, code: "plugin:maintenance", detail: "Moving house." });
    }
    expect(t.upstream.requests).toEqual([]);
  });

  test("browsers get a page, and what the configuration says is text in it", async () => {
    await using t = await start({ title: "<b>Down</b>", message: "a & b" });
    const reply = await t.request("/", { headers: { accept: "text/html,application/xhtml+xml,*/*;q=0.8" } });
    expect(reply.headers.get("content-type")).toBe("text/html; charset=utf-8");
    const page = await reply.text();
    expect(page).toContain("<h1>&lt;b&gt;Down&lt;/b&gt;</h1>");
    expect(page).toContain("a &amp; b");
  });

  test("a page of one's own goes out as it is", async () => {
    await using t = await start({ html: "<p>Tea break</p>" });
    expect(await (await t.request("/", { headers: { accept: "text/html" } })).text()).toBe("<p>Tea break</p>");
  });
});

describe("through go", () => {
  test("listed addresses and blocks, also as IPv6 writes them", async () => {
    const config = { allowIps: ["10.0.0.0/8", "2001:db8::/32", "192.0.2.7"] };
    for (const clientIp of ["10.1.2.3", "2001:db8::1", "192.0.2.7", "::ffff:10.1.2.3"])
      expect(await statusOf(config, "/", { clientIp }), clientIp).toBe(200);
    for (const clientIp of ["11.0.0.1", "2001:db9::1", "192.0.2.8"])
      expect(await statusOf(config, "/", { clientIp }), clientIp).toBe(503);
  });

  test("listed paths, and none that has a second reading", async () => {
    const config = { allowPaths: ["/health", "/status/*"] };
    for (const path of ["/health", "/health?deep=1", "/status", "/status/db"])
      expect(await statusOf(config, path), path).toBe(200);
    const closed = [
      "/healthy",
      "/health/x",
      "/status/../admin",
      "/status/%2e%2e/admin",
      "/status/..%2fadmin",
      "/status//x",
    ];
    for (const path of closed) expect(await statusOf(config, path), path).toBe(503);
  });

  test("listed identities", async () => {
    const config = { allowIdentities: ["ada"] };
    expect(await statusOf(config, "/", { identity: { id: "ada", by: "test" } })).toBe(200);
    expect(await statusOf(config, "/", { identity: { id: "eve", by: "test" } })).toBe(503);
  });

  test("who knows the header, which stays here", async () => {
    await using t = await start({ allowHeader: { name: "X-Preview", value: "opensesame" } });
    expect((await t.request("/", { headers: { "x-preview": "opensesame" } })).status).toBe(200);
    expect(t.upstream.requests[0]!.headers.has("x-preview")).toBe(false);
    for (const value of ["opensesam", "opensesame2", ""])
      expect((await t.request("/", { headers: { "x-preview": value } })).status).toBe(503);
  });

  test("all, when it is off or its window is not now", async () => {
    expect(await statusOf({ enabled: false })).toBe(200);
    expect(await statusOf({ from: inMs(60_000) })).toBe(200);
    expect(await statusOf({ until: inMs(-60_000) })).toBe(200);
    expect(await statusOf({ from: inMs(-60_000), until: inMs(60_000) })).toBe(503);
  });
});

test("Retry-After never says later than the end", async () => {
  await using t = await start({ until: inMs(30_000), retryAfter: 600_000 });
  const seconds = Number((await t.request("/")).headers.get("retry-after"));
  expect(seconds).toBeGreaterThan(0);
  expect(seconds).toBeLessThanOrEqual(30);
});

test("a configuration that means nothing is refused with what to do", async () => {
  await expect(start({ from: "2026-03-01" })).rejects.toThrow("is no date with a zone; write it like");
  await expect(start({ from: "2026-03-01T10:00:00" })).rejects.toThrow("no date with a zone");
  await expect(start({ from: "2026-03-02T00:00:00Z", until: "2026-03-01T00:00:00Z" })).rejects.toThrow(
    "from must come before until",
  );
  for (const block of ["10.0.0.0/33", "10.0.0/8", "10.0.0.0/", "x", "10.0.0.0/8/8"])
    await expect(start({ allowIps: [block] })).rejects.toThrow("is no address or block");
  await expect(start({ allowPaths: ["health"] })).rejects.toThrow('must start with "/"');
  await expect(start({ allowHeader: { name: "X", value: "short" } })).rejects.toThrow("allowHeader.value");
});

test("the page's example closes all but what it lists", async () => {
  const config = pageExample("maintenance") as { allowHeader: { value: string } };
  await using t = await testPlugin(maintenance, { config });
  const closed = await t.request("/", { headers: { accept: "text/html" } });
  expect([closed.status, closed.headers.get("retry-after")]).toEqual([503, "600"]);
  expect(await closed.text()).toContain("<title>Back at ten</title>");
  expect((await t.request("/status/db")).status).toBe(200);
  expect((await t.request("/", { clientIp: "10.9.9.9" })).status).toBe(200);
  expect((await t.request("/", { headers: { "x-preview": config.allowHeader.value } })).status).toBe(200);
});
