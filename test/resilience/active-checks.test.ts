import { expect, test } from "bun:test";
import { eventually, Gate } from "../kit/eventually.ts";
import type { RawClient } from "../kit/raw-client.ts";
import type { Behaviour } from "../kit/raw-origin.ts";
import { childrenOf, connectToAll, placeOf } from "../workers/workers.ts";
import { onBothEdges, says, type Scene, type SceneSpec, Theatre } from "./theatre.ts";

const OFTEN = { path: "/health", interval: "500ms", unhealthyAfter: 1, healthyAfter: 1 };

function checked(active: unknown, endpoints: SceneSpec["endpoints"], more: Record<string, unknown> = {}): SceneSpec {
  return { endpoints, upstream: { balance: "round-robin", retries: 0, health: { active, passive: false, ...more } } };
}

/** Says of itself how it is; serves all the same. */
class Endpoint {
  isWell = false;
  readonly behave: Behaviour = async (request) => {
    await request.body.all();
    if (request.target === "/health") request.reply({ status: this.isWell ? 200 : 503 });
    else request.reply({ body: "served" });
  };
}

const ok = says("ok");
const unanswered: Behaviour = async (request) => {
  if (request.target === "/health") await request.aborted;
  else request.reply({ body: "served" });
};

const scenes = () => ({
  http: checked(OFTEN, [new Endpoint().behave, ok]),
  tcp: checked({ type: "tcp", interval: "500ms", unhealthyAfter: 1 }, [null, ok]),
  hangs: checked(OFTEN, [unanswered, ok]),
  unknown: checked({ path: "/health", interval: "1m", timeout: "1m" }, [unanswered, ok]),
  panic: checked(OFTEN, [new Endpoint().behave, new Endpoint().behave]),
  never: checked(OFTEN, [new Endpoint().behave], { panicBelow: false }),
  slowly: checked(OFTEN, [new Endpoint().behave, ok], { slowStart: { window: "1h", from: 0.1 } }),
});

function isUnhealthy(scene: Scene): Promise<unknown> {
  return eventually("its check to fail", () => scene.logged("upstream.unhealthy").length > 0);
}

async function shareOf(scene: Scene, times: number): Promise<number[]> {
  const before = scene.asked;
  await scene.askTimes(times);
  return scene.asked.map((count, i) => count - before[i]!);
}

/** From now on its checks succeed, and it serves. */
function heal(scene: Scene): void {
  const endpoint = new Endpoint();
  endpoint.isWell = true;
  scene.origins[0]!.behaviour = endpoint.behave;
}

onBothEdges(scenes, (scene) => {
  test("an endpoint whose check fails takes no traffic, and takes it again when it has recovered", async () => {
    const here = scene("http");
    await isUnhealthy(here);
    expect(here.logged("upstream.unhealthy")).toMatchObject([{ reason: "HTTP 503, expected 200-299, 300-399" }]);
    expect(await shareOf(here, 6)).toEqual([0, 6]);
    heal(here);
    await eventually("its recovery", () => here.logged("upstream.recovered").length > 0);
    expect(await shareOf(here, 6)).toEqual([3, 3]);
  });

  test("a TCP check finds the port that nobody listens on", async () => {
    await isUnhealthy(scene("tcp"));
    expect(await scene("tcp").askTimes(6)).toEqual([200, 200, 200, 200, 200, 200]);
  });

  test("a check without an answer has failed", async () => {
    await isUnhealthy(scene("hangs"));
    expect(await shareOf(scene("hangs"), 6)).toEqual([0, 6]);
  });

  test("nobody waits for a first check: until it has ended, an endpoint counts as available", async () => {
    await eventually("the check", () => scene("unknown").counts[0]! > 0);
    expect(await shareOf(scene("unknown"), 6)).toEqual([3, 3]);
  });

  test("when all checks fail the endpoints are used all the same", async () => {
    await eventually("both to fail", () => scene("panic").logged("upstream.unhealthy").length === 2);
    expect(await scene("panic").askTimes(4)).toEqual([200, 200, 200, 200]);
  });

  test("without panicBelow, nobody well is 503 no_healthy_endpoint with Retry-After", async () => {
    await isUnhealthy(scene("never"));
    const reply = await scene("never").ask();
    expect([reply.status, reply.json()["code"]]).toEqual([503, "no_healthy_endpoint"]);
    expect(reply.header("retry-after")).toMatch(/^[1-9]\d*$/);
    expect(scene("never").asked).toEqual([0]);
  });

  test("slow start: who has recovered begins with a small share", async () => {
    await isUnhealthy(scene("slowly"));
    heal(scene("slowly"));
    await eventually("its recovery", () => scene("slowly").logged("upstream.recovered").length > 0);
    const [recovered] = await shareOf(scene("slowly"), 44);
    expect(recovered).toBeGreaterThanOrEqual(1);
    expect(recovered).toBeLessThanOrEqual(8);
  });
});

/** How often each endpoint is asked by one worker. */
async function shareThrough(client: RawClient, scene: Scene): Promise<number[]> {
  const before = scene.asked;
  for (let i = 0; i < 4; i++) {
    client.request(scene.to({}));
    expect((await client.read()).status).toBe(200);
  }
  return scene.asked.map((count, i) => count - before[i]!);
}

test("a verdict reaches all workers, and a worker that was started later; each endpoint is checked once for all", async () => {
  const gate = new Gate();
  const sick: Behaviour = async (request) => {
    if (request.target !== "/health") return request.reply({ body: "served" });
    await gate.opened;
    request.reply({ status: 503 });
  };
  const active = { path: "/health", interval: "10m", timeout: "10m", unhealthyAfter: 1 };
  const specs = { two: checked(active, [sick, ok]) };
  await using theatre = await Theatre.open("wire", specs, { workers: 2, logging: { access: "all" } });
  const scene = theatre.scene("two");
  const held = await connectToAll(theatre.sluice, [1, 2]);
  gate.open();
  await isUnhealthy(scene);
  for (const { client } of held) {
    await eventually("the worker to know", async () => (await shareThrough(client, scene))[0] === 0);
    expect(await shareThrough(client, scene)).toEqual([0, 4]);
  }
  process.kill(
    childrenOf(theatre.sluice.pid).find((pid) => placeOf(pid) === 1)!,
    "SIGKILL",
  );
  await theatre.sluice.process.says("worker.started");
  const later = await connectToAll(theatre.sluice, [1]);
  const successor = later.find(({ place }) => place === 1)!.client;
  expect(await shareThrough(successor, scene)).toEqual([0, 4]);
  for (const { client } of [...held, ...later]) client.close();
  expect(scene.origins.map(({ requests }) => requests.filter(({ target }) => target === "/health").length)).toEqual([
    1, 1,
  ]);
}, 30_000);
