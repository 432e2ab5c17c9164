import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { ChaosEndpoint } from "../../bench/chaos/endpoint.ts";
import { type LoadResult, runLoad } from "../../bench/chaos/load.ts";
import { HEALTH_PATH, KINDS, type Received, type Sickness, SICKNESSES } from "../../bench/chaos/sickness.ts";
import { Sluice } from "../kit/sluice.ts";

const RATE = 120;
const SECONDS = 4.5;
const ONSET_MS = 1_000;
/** From when on the sick one should be left alone, after the onset. */
const CALM_MS = 2_000;
/** Of a machine that does other things too; `bench/chaos.ts` judges by 99.9 % of 23,200. */
const LEAST_SUCCESS = 0.99;
const MOST_SHARE = 0.05;
const POSTS = 3;

/** Three endpoints for each kind of sickness: one that falls ill with it, and two that all kinds share. */
class Ward {
  readonly sluice: Sluice;
  readonly sick: ReadonlyMap<Sickness, ChaosEndpoint>;
  readonly well: readonly ChaosEndpoint[];

  private constructor(sluice: Sluice, sick: ReadonlyMap<Sickness, ChaosEndpoint>, well: readonly ChaosEndpoint[]) {
    this.sluice = sluice;
    this.sick = sick;
    this.well = well;
  }

  static async open(edge: "serve" | "wire"): Promise<Ward> {
    const start = () => ChaosEndpoint.start({ isLoyal: false });
    const well = await Promise.all([start(), start()]);
    const sick = new Map(await Promise.all(KINDS.map(async (kind) => [kind, await start()] as const)));
    const urlOf = ({ port }: ChaosEndpoint) => ({ url: `http://127.0.0.1:${port}` });
    const sluice = await Sluice.start((port) => ({
      listeners: [{ name: "web", host: "127.0.0.1", port, edge }],
      logging: { access: "off" },
      upstreams: KINDS.map((kind) => ({
        name: kind,
        endpoints: [sick.get(kind)!, ...well].map(urlOf),
        health: { active: { path: HEALTH_PATH, interval: "500ms" } },
        retries: { max: 2, perTry: "500ms" },
        timeouts: { firstByte: "500ms" },
      })),
      routes: KINDS.map((kind) => ({ name: kind, path: `/${kind}/*`, upstream: kind })),
    }));
    return new Ward(sluice, sick, well);
  }

  /** Some GETs, and a few POSTs whose numbers are not used twice. */
  async load(kind: Sickness, of: number): Promise<LoadResult> {
    const plan = { port: this.sluice.port, path: `/${kind}/`, seconds: SECONDS, maxConnections: 200 };
    const [gets] = await Promise.all([
      runLoad({ ...plan, method: "GET", ratePerSecond: RATE }),
      runLoad({ ...plan, method: "POST", ratePerSecond: POSTS, from: of * 1_000 }),
    ]);
    return gets;
  }

  async close(): Promise<void> {
    await this.sluice.stop();
    await Promise.all([...this.sick.values(), ...this.well].map((endpoint) => endpoint.stop()));
  }
}

describe.each(["wire", "serve"] as const)("under load, on edge %s, when one of three endpoints", (edge) => {
  const gets = new Map<Sickness, LoadResult>();
  const received = new Map<Sickness, Received>();
  let posts: readonly number[] = [];
  let calmAt = 0;
  let ward: Ward | undefined;

  // All kinds at once: what is waited for is the same.
  beforeAll(async () => {
    ward = await Ward.open(edge);
    const { sick, well } = ward;
    setTimeout(() => {
      calmAt = Date.now() + CALM_MS;
      sick.forEach((endpoint, kind) => endpoint.become(kind));
    }, ONSET_MS);
    await Promise.all(KINDS.map(async (kind, i) => gets.set(kind, await ward!.load(kind, i))));
    for (const [kind, endpoint] of sick) received.set(kind, await endpoint.report());
    const all = [...received.values(), ...(await Promise.all(well.map((endpoint) => endpoint.report())))];
    posts = all.flatMap((report) => report.posts);
  }, 30_000);
  afterAll(() => ward?.close());

  test.each(KINDS.map((kind) => [SICKNESSES[kind], kind] as const))("%s, clients do not notice", (_, kind) => {
    const { sent, ok, failures } = gets.get(kind)!;
    expect(sent).toBe(RATE * SECONDS);
    expect(ok / sent, JSON.stringify([...failures])).toBeGreaterThanOrEqual(LEAST_SUCCESS);
  });

  test.each(KINDS.map((kind) => [SICKNESSES[kind], kind] as const))("%s, it is soon left alone", (_, kind) => {
    const { sentAt } = gets.get(kind)!;
    const late = received.get(kind)!.gets.filter((number) => sentAt[number]! >= calmAt);
    const share = sentAt.filter((at) => at >= calmAt).length / 3;
    expect(late.length).toBeLessThan(share * MOST_SHARE);
  });

  test("falls sick in any way, no POST reaches two of them", () => {
    expect(posts.length).toBeGreaterThan(KINDS.length * POSTS);
    expect(new Set(posts).size).toBe(posts.length);
  });
});
