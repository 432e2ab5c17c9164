import { afterAll, beforeAll, expect, test } from "bun:test";
import { AdminSluice, pong } from "./admin-sluice.ts";

let running: AdminSluice;

beforeAll(async () => {
  running = await AdminSluice.start({ routes: [pong("/")] });
});

// Whatever it was sent, it still answers.
afterAll(async () => {
  try {
    expect((await running.admin.get("/health")).json.status).toBe("UP");
    expect(running.sluice.timesLogged("the admin API failed")).toBe(0);
  } finally {
    await running?.[Symbol.asyncDispose]();
  }
});

test("a body that is no JSON object is refused in words", async () => {
  for (const body of ["", "{", "[]", "null", "1", '"x"', "{'a':1}", "path: /x", '{"a":1}{}', "\u0000", "{} x"]) {
    const reply = await running.admin.post("/api/routes", body);
    expect([reply.status, reply.json.code, reply.json.detail.slice(0, 8)]).toEqual([400, "bad_request", "the body"]);
  }
});

test("JSON is JSON, whatever its Content-Type, and must be UTF-8", async () => {
  for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "nonsense"]) {
    const headers = { "Content-Type": type };
    expect((await running.admin.put("/api/routes/typed", pong("/typed"), { headers })).status).toBeLessThan(202);
  }
  const bytes = Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]);
  const head = `POST /api/routes HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: ${bytes.length}\r\n\r\n`;
  const reply = await running.admin.raw(Buffer.concat([Buffer.from(head), bytes]));
  expect(reply).toStartWith("HTTP/1.1 400 ");
  expect(reply).toContain("the body is not UTF-8");
});

test("a body beyond the limit is refused with 413, told its length or not", async () => {
  const large = `{"path":"/${"x".repeat(1024 * 1024)}"}`;
  const told = await running.admin.post("/api/routes", large);
  expect([told.status, told.json.code]).toEqual([413, "body_too_large"]);
  const chunk = Buffer.alloc(64 * 1024, "x");
  let left = 20;
  const stream = new ReadableStream({
    pull: (controller) => (left-- > 0 ? controller.enqueue(chunk) : controller.close()),
  });
  const untold = await fetch(`${running.admin.url}/api/routes`, { method: "POST", body: stream });
  expect(untold.status).toBe(413);
  const yaml = await running.admin.post("/api/config/check", "x".repeat(3 * 1024 * 1024 + 1));
  expect(yaml.status).toBe(413);
});

test("a client that goes away in the middle of its body does no harm", async () => {
  const reply = await running.admin.rawAndLeave(
    "POST /api/routes HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{",
  );
  expect(reply).not.toContain(" 500 ");
});

test("deep JSON is refused, however deep", async () => {
  for (const depth of [65, 1000, 100_000]) {
    const nested = `{"path":"/x","labels":${'{"a":'.repeat(depth)}1${"}".repeat(depth)}}`;
    expect((await running.admin.post("/api/routes", nested)).status).toBe(400);
  }
});

test("keys of prototypes are keys like others: unknown", async () => {
  for (const key of ["__proto__", "constructor", "toString", "hasOwnProperty"]) {
    const reply = await running.admin.post(
      "/api/routes",
      `{"path":"/proto","respond":{"body":"x"},"${key}":{"enabled":false}}`,
    );
    expect(reply.status).toBe(422);
    expect(reply.json.errors[0].message).toBe(`unknown key "${key}"`);
  }
  const inner = '{"path":"/proto","respond":{"body":"x","__proto__":{"status":201}}}';
  expect((await running.admin.post("/api/routes", inner)).status).toBe(422);
  for (const id of ["__proto__", "constructor", "toString"]) {
    expect((await running.admin.get(`/api/routes/${id}`)).status).toBe(404);
    expect((await running.admin.put(`/api/routes/${id}`, pong(`/${id}`, id))).status).toBe(201);
    expect(await running.proxied(`/${id}`)).toBe(`200 ${id}`);
    expect((await running.admin.delete(`/api/routes/${id}`)).status).toBe(204);
    expect((await running.admin.get(`/docs/${id}`)).status).toBe(404);
    expect((await running.admin.post(`/api/plugins/${id}/reload`)).status).toBe(404);
  }
});

test("ids that nothing can be called are refused, and never a fault", async () => {
  for (const id of ["%zz", "%", "%ff", "%c3", "a%"]) {
    for (const method of ["GET", "PUT", "DELETE"]) {
      const reply = await running.admin.ask(method, `/api/routes/${id}`, method === "PUT" ? { body: pong("/id") } : {});
      expect([id, method, reply.status]).toEqual([id, method, 400]);
    }
    expect((await running.admin.delete(`/api/keys/${id}`)).status).toBe(400);
    expect((await running.admin.put(`/api/endpoints/${id}`, {})).status).toBe(400);
    expect((await running.admin.post(`/api/plugins/${id}/reset`)).status).toBe(400);
  }
  const long = "a".repeat(6000);
  for (const id of [
    long,
    "a%20b",
    "a%2Fb",
    "a%00b",
    "%0d%0a",
    "%F0%9F%98%80",
    "a@docker",
    "%3Cscript%3E",
    "~",
    "a:b",
  ]) {
    expect([id, (await running.admin.put(`/api/routes/${id}`, pong("/id"))).status]).toEqual([id, 422]);
    expect([id, (await running.admin.get(`/api/routes/${id}`)).status]).toEqual([id, 404]);
    expect([id, (await running.admin.delete(`/api/routes/${id}`)).status]).toEqual([id, 404]);
  }
  for (const id of [".", "..", "", "a b", 7, null, {}, [], long, "a/b"])
    expect([id, (await running.admin.post("/api/upstreams", { id, url: "http://127.0.0.1:1" })).status]).toEqual([
      id,
      422,
    ]);
  expect(await running.proxied("/id")).toBe("404");
});

test("a percent-encoded id is the id that it encodes", async () => {
  expect((await running.admin.put("/api/routes/%61%2Eb", pong("/encoded"))).status).toBe(201);
  expect((await running.admin.get("/api/routes/a.b")).json.id).toBe("a.b");
});

test("a value that HTTP would not carry is refused before it can reach a reply", async () => {
  for (const value of ["a\r\nSet-Cookie: x=1", "a\u0000b", "\u010d\u010a"]) {
    const route = { path: "/split", respond: { body: "x", headers: { "X-Split": value } } };
    expect((await running.admin.put("/api/routes/split", route)).status).toBe(422);
  }
});
