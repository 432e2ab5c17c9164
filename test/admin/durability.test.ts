import { afterEach, beforeEach, expect, test } from "bun:test";
import { pong } from "./admin-sluice.ts";
import { Mortal } from "./mortal.ts";

const WRITES = 1000;
const LANES = 4;
/** Of each lane: written again and again, so that not every write makes the configuration longer. */
const IDS = 10;

let mortal: Mortal;

beforeEach(async () => {
  mortal = await Mortal.start();
});

afterEach(() => mortal.end());

/** What an object was last known to be, and what it may be since. */
interface Expected {
  acknowledged: string | null;
  /** Asked for and not answered; undefined: nothing. */
  asked: string | null | undefined;
}

test("of 1,000 writes with a kill -9 in the middle, every acknowledged one is there after the restart", async () => {
  const { admin } = mortal;
  const objects = new Map<string, Expected>();
  let acknowledged = 0;
  const lane = async (number: number) => {
    for (let i = 0; i < WRITES / LANES; i++) {
      const id = `r${number}-${i % IDS}`;
      // Every seventh one is removed.
      const wanted = i % 7 === 6 ? null : String(i);
      const object = objects.get(id) ?? { acknowledged: null, asked: undefined };
      objects.set(id, object);
      object.asked = wanted;
      const reply = await (wanted === null
        ? admin.delete(`/api/routes/${id}`)
        : admin.put(`/api/routes/${id}`, pong(`/${id}`, wanted)));
      expect([200, 201, 204, 404]).toContain(reply.status);
      Object.assign(object, { acknowledged: wanted, asked: undefined });
      acknowledged++;
      if (acknowledged === WRITES / 2) await mortal.kill();
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: LANES }, (_, number) => lane(number)));
  expect(ends.map(({ status }) => status)).toEqual(ends.map(() => "rejected"));
  await mortal.restart();
  const { json } = await admin.get("/api/routes");
  const paths = new Set(json.map((route: { id: string }) => route.id));
  for (const [id, object] of objects) {
    const config = paths.has(id) ? (await admin.get(`/api/routes/${id}`)).json.config : null;
    const found = config === null ? null : config.respond.body;
    const allowed = [object.acknowledged, ...(object.asked === undefined ? [] : [object.asked])];
    expect([id, allowed.includes(found), found]).toEqual([id, true, found]);
  }
  const changes = (await admin.get("/api/audit?pageSize=1")).json.total;
  const removals = [...objects.values()].length;
  // A removal of what was not there changes nothing, and has no line.
  expect(changes).toBeGreaterThanOrEqual(acknowledged - removals * Math.ceil(WRITES / LANES / IDS / 7));
  expect((await admin.put("/api/routes/after", pong("/after"))).status).toBe(201);
}, 120_000);
