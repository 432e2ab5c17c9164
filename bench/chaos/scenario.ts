import { Sluice } from "../../test/kit/sluice.ts";
import { ChaosEndpoint } from "./endpoint.ts";
import { type LoadResult, runLoad } from "./load.ts";
import { type Condition, HEALTH_PATH, type Received } from "./sickness.ts";

export interface Scenario {
  readonly edge: "serve" | "wire";
  readonly workers: number;
  readonly condition: Condition;
  /** How many of the three endpoints fall sick. */
  readonly sick: number;
  /** Health checks do not see it. */
  readonly isLoyal: boolean;
  readonly method: "GET" | "POST";
  readonly ratePerSecond: number;
  readonly seconds: number;
  /** More than these do not wait at once: with a high rate, so many clients that ask again and again. */
  readonly maxConnections: number;
  /** When they fall sick. */
  readonly onsetMs: number;
  /** Keys over the upstream that `upstreamOf` writes. */
  readonly upstream?: Readonly<Record<string, unknown>>;
}

export interface Outcome {
  readonly load: LoadResult;
  /** 0 to 1: of all attempts that succeeded for the client. */
  readonly success: number;
  /** Of what would be its share, from 2 s to 12 s after the onset; of the first endpoint. */
  readonly share: number;
  /** Attempts seen by endpoints, for each request. */
  readonly attempts: number;
  /** POSTs that came more than once. */
  readonly twice: number;
}

const ENDPOINTS = 3;
const WATCHED_MS = [2_000, 12_000] as const;

/** What a user would write who read the reference: nothing but what the promise names. */
function upstreamOf(endpoints: readonly ChaosEndpoint[]): Record<string, unknown> {
  return {
    name: "chaos",
    endpoints: endpoints.map(({ port }) => ({ url: `http://127.0.0.1:${port}` })),
    health: { active: { path: HEALTH_PATH, interval: "500ms" } },
    retries: { max: 2, perTry: "500ms" },
    timeouts: { firstByte: "500ms" },
  };
}

export async function runScenario(scenario: Scenario): Promise<Outcome> {
  const { edge, workers, isLoyal, condition, sick, onsetMs, method, ratePerSecond, seconds, maxConnections } = scenario;
  const endpoints = await Promise.all(Array.from({ length: ENDPOINTS }, () => ChaosEndpoint.start({ isLoyal })));
  try {
    await using sluice = await Sluice.start((port) => ({
      listeners: [{ name: "web", host: "127.0.0.1", port, edge }],
      workers,
      logging: { level: "info", access: "off" },
      upstreams: [{ ...upstreamOf(endpoints), ...scenario.upstream }],
      routes: [{ path: "/*", upstream: "chaos" }],
    }));
    let onset = 0;
    const timer = setTimeout(() => {
      onset = Date.now();
      for (const endpoint of endpoints.slice(0, sick)) endpoint.become(condition);
    }, onsetMs);
    const load = await runLoad({
      port: sluice.port,
      path: "/r/",
      ratePerSecond,
      seconds,
      method,
      maxConnections,
    });
    clearTimeout(timer);
    const received = await Promise.all(endpoints.map((endpoint) => endpoint.report()));
    return outcomeOf(load, received, onset);
  } finally {
    await Promise.all(endpoints.map((endpoint) => endpoint.stop()));
  }
}

function outcomeOf(load: LoadResult, received: readonly Received[], onset: number): Outcome {
  // By when they were sent: what is frozen reads them later.
  const isWatched = (number: number) => {
    const since = load.sentAt[number]! - onset;
    return since >= WATCHED_MS[0] && since < WATCHED_MS[1];
  };
  const attempts = received.map(({ gets, posts }) => [...gets, ...posts]);
  const watched = attempts.map((numbers) => numbers.filter(isWatched).length);
  const all = watched.reduce((sum, n) => sum + n, 0);
  const posts = received.flatMap((report) => report.posts);
  return {
    load,
    success: load.ok / load.sent,
    share: watched[0]! / (all / ENDPOINTS),
    attempts: attempts.flat().length / load.sent,
    twice: posts.length - new Set(posts).size,
  };
}
