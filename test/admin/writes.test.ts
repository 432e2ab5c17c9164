import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sluiceCommand, toYaml } from "../kit/sluice.ts";
import { AdminSluice, pong } from "./admin-sluice.ts";

let running: AdminSluice;

beforeAll(async () => {
  running = await AdminSluice.start({ routes: [{ name: "written", ...pong("/written") }] });
});

afterAll(() => running?.[Symbol.asyncDispose]());

test("a write that names the revision it was made for goes through, and an old one does not", async () => {
  const made = await running.admin.put("/api/routes/r", pong("/r", "1"));
  const old = { "If-Match": made.headers.get("etag")! };
  expect((await running.admin.get("/api/routes/r")).headers.get("etag")).toBe(old["If-Match"]);
  const second = await running.admin.put("/api/routes/r", pong("/r", "2"), { headers: old });
  expect(second.status).toBe(200);
  expect(second.headers.get("etag")).not.toBe(old["If-Match"]);
  for (const lost of [
    await running.admin.put("/api/routes/r", pong("/r", "3"), { headers: old }),
    await running.admin.delete("/api/routes/r", { headers: old }),
  ])
    expect([lost.status, lost.json.code]).toEqual([412, "precondition_failed"]);
  expect(await running.proxied("/r")).toBe("200 2");
  const list = { "If-Match": `"nobody", ${second.headers.get("etag")}` };
  expect((await running.admin.delete("/api/routes/r", { headers: list })).status).toBe(204);
});

test("conditions about what is there at all", async () => {
  const only = { "If-None-Match": "*" };
  const any = { "If-Match": "*" };
  expect((await running.admin.put("/api/routes/c", pong("/c"), { headers: any })).status).toBe(412);
  expect((await running.admin.put("/api/routes/c", pong("/c"), { headers: only })).status).toBe(201);
  expect((await running.admin.put("/api/routes/c", pong("/c"), { headers: only })).status).toBe(412);
  expect((await running.admin.put("/api/routes/c", pong("/c", "x"), { headers: any })).status).toBe(200);
  for (const nonsense of ['W/"1"', "1", '"', "", '"-1"'])
    expect((await running.admin.delete("/api/routes/c", { headers: { "If-Match": nonsense } })).status).toBe(412);
  expect((await running.admin.delete("/api/routes/c", { headers: any })).status).toBe(204);
});

test("of many who change the same revision at once, one is first", async () => {
  const etag = (await running.admin.put("/api/routes/first", pong("/first"))).headers.get("etag")!;
  const replies = await Promise.all(
    Array.from({ length: 8 }, (_, i) =>
      running.admin.put("/api/routes/first", pong("/first", String(i)), { headers: { "If-Match": etag } }),
    ),
  );
  const won = replies.flatMap(({ status }, i) => (status === 200 ? [i] : []));
  expect(won.length).toBe(1);
  expect(replies.filter(({ status }) => status === 412).length).toBe(7);
  expect(await running.proxied("/first")).toBe(`200 ${won[0]}`);
});

test("a dry run says what would happen, and nothing does", async () => {
  const before = (await running.admin.get("/api/audit")).json.total;
  for (const flag of ["dryRun=1", "dryRun=true", "dryRun"]) {
    const fine = await running.admin.post(`/api/routes?${flag}`, pong("/dry"));
    expect([fine.status, fine.json]).toEqual([200, { valid: true, warnings: [] }]);
  }
  const wrong = await running.admin.put("/api/routes/dry?dryRun=1", { path: "/dry", upstream: "nobody" });
  expect([wrong.status, wrong.json.errors[0].path]).toEqual([422, "routes.2.upstream"]);
  expect((await running.admin.delete("/api/routes/first?dryRun=1")).json).toEqual({ valid: true, warnings: [] });
  expect((await running.admin.post("/api/keys?dryRun=1", { name: "dry" })).json).toEqual({ valid: true, warnings: [] });
  expect(await running.proxied("/dry")).toBe("404");
  expect((await running.admin.get("/api/keys")).json).toEqual([]);
  expect((await running.admin.get("/api/audit")).json.total).toBe(before);
});

test("a dryRun that could mean either is refused, and nothing happens", async () => {
  for (const flag of ["dryRun=yes", "dryRun=TRUE", "dryRun=2"])
    expect((await running.admin.post(`/api/routes?${flag}`, pong("/wet"))).status).toBe(400);
  expect(await running.proxied("/wet")).toBe("404");
  expect((await running.admin.post("/api/routes?dryRun=0", pong("/wet"))).status).toBe(201);
});

test("a refusal has the diagnostics of `sluice check`, and what was served goes on", async () => {
  const wrong = { path: "/x", upstream: "nobody", methds: ["GET"], timeout: "soon" };
  const folder = mkdtempSync(join(tmpdir(), "sluice-admin-check-"));
  try {
    const file = join(folder, "sluice.yaml");
    writeFileSync(file, toYaml({ routes: [{ name: "wrong", ...wrong }] }));
    const check = sluiceCommand(["check", "--config", file]);
    expect(await check.exited()).toBe(1);
    const told = await running.admin.put("/api/routes/wrong", wrong);
    expect([told.status, told.json.code]).toEqual([422, "invalid_configuration"]);
    expect(told.json.errors.length).toBeGreaterThan(2);
    for (const { message, hint, file: from, severity } of told.json.errors) {
      expect([from, severity]).toEqual(["store: route wrong", "error"]);
      expect(check.output).toContain(hint === undefined ? message : `${message} (${hint})`);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  expect(await running.proxied("/written")).toBe("200 pong");
  expect((await running.admin.get("/api/routes/wrong")).status).toBe(404);
});

test("a plugin whose set-up fails on traffic refuses the change that asks for it", async () => {
  const reply = await running.admin.post("/api/routes", { ...pong("/p"), plugins: ["no-such-plugin"] });
  expect(reply.status).toBe(422);
  expect(reply.json.errors[0].message).toContain('there is no plugin "no-such-plugin"');
});

test("a file that takes a stored name is refused while running, and both go on as they were", async () => {
  expect((await running.admin.put("/api/routes/mine", pong("/mine"))).status).toBe(201);
  const config = { admin: { port: running.admin.port }, logging: { access: "off" } };
  running.sluice.rewrite({
    ...config,
    routes: [
      { name: "written", ...pong("/written") },
      { name: "mine", ...pong("/file") },
    ],
  });
  const reload = await running.admin.post("/api/config/reload");
  expect([reload.status, reload.json.code]).toEqual([422, "invalid_configuration"]);
  expect(JSON.stringify(reload.json.errors)).toContain("mine");
  expect(await running.proxied("/mine")).toBe("200 pong");
  expect(await running.proxied("/file")).toBe("404");
  running.sluice.rewrite({ ...config, routes: [{ name: "written", ...pong("/written", "new") }] });
  expect((await running.admin.post("/api/config/reload")).status).toBe(200);
  expect(await running.proxied("/written")).toBe("200 new");
  expect(await running.proxied("/mine")).toBe("200 pong");
});
