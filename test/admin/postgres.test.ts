import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { eventually } from "../kit/eventually.ts";
import { describeWithPostgres, PostgresServer } from "../kit/postgres-server.ts";
import { pong } from "./admin-sluice.ts";
import { Mortal } from "./mortal.ts";

describeWithPostgres("the admin API with DATABASE_URL", () => {
  let server: PostgresServer;
  let mortal: Mortal;

  beforeAll(async () => {
    server = await PostgresServer.start();
    mortal = await Mortal.start({ DATABASE_URL: await server.createDatabase() });
  }, 60_000);

  afterAll(async () => {
    await mortal?.end();
    await server?.stop();
  });

  test("what was acknowledged is there after a kill -9, and no file was made", async () => {
    const { admin } = mortal;
    for (let i = 0; i < 5; i++) expect((await admin.put(`/api/routes/r${i}`, pong(`/r${i}`))).status).toBe(201);
    expect((await admin.delete("/api/routes/r0")).status).toBe(204);
    await mortal.kill();
    await mortal.restart();
    const ids = (await admin.get("/api/routes")).json.map((route: { id: string }) => route.id);
    expect(ids).toEqual(["r1", "r2", "r3", "r4"]);
    expect((await admin.get("/api/audit")).json.total).toBe(6);
    expect(existsSync(join(mortal.folder, "data"))).toBe(false);
  });

  test("while the database is away changes are refused and nothing of them is served; once it is back, they go on", async () => {
    const { admin } = mortal;
    await server.kill();
    const lost = await admin.put("/api/routes/lost", pong("/lost"));
    expect([lost.status, lost.json.code]).toEqual([503, "store_unavailable"]);
    expect((await admin.get("/api/routes/lost")).status).toBe(404);
    expect((await admin.get("/health/live")).status).toBe(200);
    await eventually("readiness to fail", async () => (await admin.get("/health/ready")).status === 503);
    await server.start();
    const back = async () => (await admin.put("/api/routes/back", pong("/back"))).status;
    await eventually("changes to be kept again", async () => [200, 201].includes(await back()));
    expect((await admin.get("/health/ready")).json).toMatchObject({ status: "UP", checks: { database: "UP" } });
  }, 60_000);
});
