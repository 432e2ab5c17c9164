import { afterAll, beforeAll, expect, test } from "bun:test";
import { MethodTable } from "../../src/control/admin/method-table.ts";
import { AdminSluice, pong } from "./admin-sluice.ts";

let running: AdminSluice;

beforeAll(async () => {
  running = await AdminSluice.start({ routes: [pong("/")] });
});

afterAll(() => running?.[Symbol.asyncDispose]());

test("a method that a path does not have is answered 405 with those that it has", async () => {
  for (const [method, path, allow] of [
    ["PATCH", "/api/routes", "GET, HEAD, POST, OPTIONS"],
    ["DELETE", "/api/routes", "GET, HEAD, POST, OPTIONS"],
    ["POST", "/api/routes/a", "GET, HEAD, PUT, DELETE, OPTIONS"],
    ["POST", "/health", "GET, HEAD, OPTIONS"],
    ["GET", "/api/config/reload", "POST, OPTIONS"],
    ["PUT", "/docs", "GET, HEAD, OPTIONS"],
  ] as const) {
    const reply = await running.admin.ask(method, path);
    expect([path, reply.status, reply.json.code]).toEqual([path, 405, "method_not_allowed"]);
    expect(reply.headers.get("allow")).toBe(allow);
    const options = await running.admin.ask("OPTIONS", path);
    expect([options.status, options.text, options.headers.get("allow")]).toEqual([204, "", allow]);
  }
});

test("a path that is not there is answered 404, whatever the method", async () => {
  for (const path of ["/", "/api", "/api/", "/api/route", "/api/routes/a/b", "/docs/json/reference", "/api/routes//"])
    for (const method of ["GET", "POST", "PATCH", "OPTIONS", "HEAD"])
      expect([path, method, (await running.admin.ask(method, path)).status]).toEqual([path, method, 404]);
});

test("HEAD answers what GET answers, without the body", async () => {
  for (const path of ["/health", "/api/routes", "/docs", "/docs/swagger-ui.css", "/api/config", "/nowhere"]) {
    const got = await running.admin.get(path);
    const reply = await running.admin.raw(`HEAD ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
    const [head = "", body] = reply.split("\r\n\r\n");
    expect(body).toBe("");
    expect(head).toStartWith(`HTTP/1.1 ${got.status} `);
    const length = /^content-length: (\d+)$/im.exec(head)?.[1];
    // The time of day changes, its length does not.
    expect([path, length]).toEqual([path, String(Buffer.byteLength(got.text))]);
  }
});

test("the table knows a path by its pattern", () => {
  const table = new MethodTable([
    { method: "GET", path: "/a" },
    { method: "PUT", path: "/a/:id" },
    { method: "GET", path: "/a/:id/x" },
  ]);
  expect(table.of("/a")).toEqual(["GET", "HEAD", "OPTIONS"]);
  expect(table.of("/a/7")).toEqual(["PUT", "OPTIONS"]);
  expect(table.of("/a/7/x")).toEqual(["GET", "HEAD", "OPTIONS"]);
  for (const path of ["/", "", "/b", "/a/7/y", "/a/7/x/z", "/a//x"]) expect(table.of(path)).toEqual([]);
});
