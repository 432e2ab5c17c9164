import { expect, test } from "bun:test";
import { RawClient } from "../kit/raw-client.ts";
import { startLoad } from "../lifecycle/load.ts";
import { AdminSluice, origin, pong } from "./admin-sluice.ts";

/** On a connection of its own: whichever worker accepts it. */
async function askAnew(port: number, target: string): Promise<string> {
  const client = await RawClient.connect(port);
  client.request({ target });
  const { status, text } = await client.read();
  client.close();
  return `${status} ${text}`;
}

test("a write under load is served by every worker at the time of its reply, and fails no request", async () => {
  await using shop = origin("shop");
  await using running = await AdminSluice.start({
    workers: 2,
    upstreams: [{ name: "shop", url: shop.url }],
    routes: [{ path: "/load", upstream: "shop" }],
  });
  const { json: workers } = await running.admin.get("/api/workers");
  expect(workers.map(({ state }: { state: string }) => state)).toEqual(["serving", "serving"]);
  const load = startLoad(running.sluice.port, 4);
  for (let i = 0; i < 8; i++) {
    expect((await running.admin.put("/api/routes/new", pong("/new", String(i)))).status).toBeLessThan(202);
    // Sixteen connections are all with one of two workers once in 32,768 times.
    const replies = await Promise.all(Array.from({ length: 16 }, () => askAnew(running.sluice.port, "/new")));
    expect(new Set(replies)).toEqual(new Set([`200 ${i}`]));
  }
  const refused = await running.admin.put("/api/routes/new", { path: "/new", upstream: "nobody" });
  expect(refused.status).toBe(422);
  expect((await running.admin.delete("/api/routes/new")).status).toBe(204);
  const replies = await Promise.all(Array.from({ length: 16 }, () => askAnew(running.sluice.port, "/new")));
  expect(new Set(replies.map((reply) => reply.slice(0, 3)))).toEqual(new Set(["404"]));
  expect(await load.stop()).toEqual([]);
  expect(load.answered).toBeGreaterThan(0);
  const { json: endpoints } = await running.admin.get("/api/endpoints");
  expect(endpoints).toMatchObject([{ upstream: "shop", standing: "available", disagreement: false }]);
});
