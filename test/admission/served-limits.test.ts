import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { eventually } from "../kit/eventually.ts";
import { Sluice } from "../kit/sluice.ts";
import { EDGES, HoldingOrigin, places, send } from "./crowd.ts";

setDefaultTimeout(60_000);

describe.each(EDGES)("limits on edge %s", (edge) => {
  let origin: HoldingOrigin;
  let sluice: Sluice;

  beforeAll(async () => {
    origin = await HoldingOrigin.start();
    const upstream = (name: string, limits?: object) => ({ name, url: origin.url, ...(limits && { limits }) });
    sluice = await Sluice.start((port) => ({
      listeners: [{ name: "web", host: "127.0.0.1", port, edge }],
      limits: { maxInFlight: 12 },
      upstreams: [
        upstream("plain"),
        upstream("three", { maxInFlight: 3 }),
        upstream("patient", { maxInFlight: 1, queue: { max: 3, wait: "1m" } }),
        upstream("hasty", { maxInFlight: 1, queue: { max: 3, wait: "100ms" } }),
        upstream("ten", { maxInFlight: 10 }),
      ],
      routes: [
        { path: "/route", upstream: "plain", maxInFlight: 3 },
        { path: "/upstream/*", upstream: "three" },
        { path: "/patient/low", upstream: "patient", importance: "low" },
        { path: "/patient/*", upstream: "patient" },
        { path: "/hasty/*", upstream: "hasty" },
        { path: "/ten/low", upstream: "ten", importance: "low" },
        { path: "/ten/normal", upstream: "ten" },
        { path: "/*", upstream: "plain" },
      ],
      logging: { access: "off" },
    }));
  });

  afterAll(async () => {
    await sluice?.stop();
    await origin?.[Symbol.asyncDispose]();
  });

  test.each([
    ["a route", "/route", 3],
    ["an upstream", "/upstream/a", 3],
    ["the process", "/other", 12],
  ])("%s: so many are at the origin, the others are told to come again", async (_, target, limit) => {
    origin.most = 0;
    const all = await Promise.all(Array.from({ length: 16 }, () => send(sluice.port, target)));
    await eventually(
      "every other one has been refused",
      () => all.filter((sent) => sent.reply !== null).length === 16 - limit,
    );
    await origin.holds(limit);
    for (const { reply } of all) {
      if (reply === null) continue;
      expect([reply.status, reply.json()["code"], reply.header("retry-after")]).toEqual([503, "overloaded", "1"]);
    }
    origin.answerAll();
    const statuses = await Promise.all(all.map(async (sent) => (await sent.answered()).status));
    expect(statuses.filter((status) => status === 200)).toHaveLength(limit);
    expect(origin.most).toBe(limit);
    for (const sent of all) sent.client.close();
    expect(await places(sluice.port, target, origin)).toBe(limit);
  });

  test("who waits is served in turn, the less important last, and beyond the queue's end it is 503", async () => {
    origin.got.length = 0;
    const all = [];
    for (const name of ["holder", "low", "a", "b"]) all.push(await send(sluice.port, `/patient/${name}`));
    const late = await send(sluice.port, "/patient/low");
    expect((await late.answered()).status).toBe(503);
    // A more important one takes the place of one that is less so.
    const last = await send(sluice.port, "/patient/c");
    expect((await all[1]!.answered()).status).toBe(503);
    for (let i = 0; i < 4; i++) {
      await eventually(`request ${i} in turn`, () => origin.got.length === i + 1);
      expect(origin.held).toHaveLength(1);
      origin.answer();
    }
    expect(origin.got).toEqual(["holder", "a", "b", "c"].map((name) => `/patient/${name}`));
    expect((await last.answered()).text).toBe("/patient/c");
    for (const sent of [...all, late, last]) sent.client.close();
  });

  test("who waits too long is 503, and never reaches the origin", async () => {
    origin.got.length = 0;
    const holder = await send(sluice.port, "/hasty/holder");
    const late = await send(sluice.port, "/hasty/late", { method: "POST", body: "x".repeat(100_000) });
    const reply = await late.answered();
    expect([reply.status, reply.json()["code"], reply.header("retry-after")]).toEqual([503, "overloaded", "1"]);
    origin.answer();
    expect((await holder.answered()).status).toBe(200);
    expect(origin.got).toEqual(["/hasty/holder"]);
    for (const sent of [holder, late]) sent.client.close();
    expect(await patient("/hasty/next")).toBe(true);
  });

  test.each(["fin", "rst"] as const)("a client that goes away while it waits (%s) frees its place", async (how) => {
    origin.got.length = 0;
    const holder = await send(sluice.port, "/patient/holder");
    const leavers = [];
    for (let i = 0; i < 3; i++) leavers.push(await send(sluice.port, "/patient/leaver"));
    expect((await (await send(sluice.port, "/patient/full")).answered()).status).toBe(503);
    for (const { client } of leavers) {
      if (how === "rst") client.reset();
      else client.close();
    }
    // It waits now, where the one before was refused.
    const next = await eventually("a place in the queue", async () => {
      const sent = await send(sluice.port, "/patient/next");
      return sent.reply === null ? sent : null;
    });
    origin.answer();
    await eventually("the next one's turn", () => origin.got.includes("/patient/next"));
    origin.answer();
    expect([(await holder.answered()).status, (await next.answered()).status]).toEqual([200, 200]);
    expect(origin.got).toEqual(["/patient/holder", "/patient/next"]);
    for (const sent of [holder, next]) sent.client.close();
  });

  test("clients that leave while they wait leave no place taken, of the upstream or of the process", async () => {
    for (let round = 0; round < 4; round++) {
      const holder = await send(sluice.port, "/patient/holder");
      await origin.holds(1);
      const leavers = [];
      for (let i = 0; i < 3; i++) leavers.push(await send(sluice.port, "/patient/leaver"));
      for (const [i, { client }] of leavers.entries()) {
        if (i === round % 3) client.close();
        else client.reset();
      }
      origin.answer();
      expect((await holder.answered()).status).toBe(200);
      holder.client.close();
      // One may have had its turn before it was known that it had gone.
      await eventually("nobody is left", async () => {
        origin.answerAll();
        return origin.held.length === 0 && (await patient("/patient/next"));
      });
    }
    expect(await places(sluice.port, "/other", origin)).toBe(12);
  });

  test.if(edge === "wire")("a client that has ended its side while it waits is told, if it still reads", async () => {
    const holder = await send(sluice.port, "/patient/holder");
    const half = await send(sluice.port, "/patient/half");
    half.client.end();
    const reply = await half.answered();
    expect([reply.status, reply.header("retry-after")]).toEqual([503, "1"]);
    origin.answer();
    expect((await holder.answered()).status).toBe(200);
    for (const sent of [holder, half]) sent.client.close();
  });

  test("low ones leave places free for what is more important", async () => {
    expect(await places(sluice.port, "/ten/normal", origin)).toBe(10);
    expect(await places(sluice.port, "/ten/low", origin)).toBe(9);
    const low = await Promise.all(Array.from({ length: 15 }, () => send(sluice.port, "/ten/low")));
    await origin.holds(9);
    const normal = await send(sluice.port, "/ten/normal");
    await origin.holds(10);
    origin.answerAll();
    expect((await normal.answered()).status).toBe(200);
    for (const sent of low) await sent.answered();
    for (const sent of [...low, normal]) sent.client.close();
  });

  /** Is there a place for one more? */
  async function patient(target: string): Promise<boolean> {
    const sent = await send(sluice.port, target);
    await eventually("an answer or a place", () => {
      origin.answerAll();
      return sent.reply;
    });
    const { status } = await sent.answered();
    sent.client.close();
    return status === 200;
  }
});
