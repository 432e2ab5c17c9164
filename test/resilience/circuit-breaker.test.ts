import { expect, test } from "bun:test";
import { eventually, Gate } from "../kit/eventually.ts";
import type { FullReply } from "../kit/raw-client.ts";
import type { Behaviour } from "../kit/raw-origin.ts";
import { connectToAll } from "../workers/workers.ts";
import { onBothEdges, type Scene, type SceneSpec, says, status, Theatre } from "./theatre.ts";

/** Long enough that no probe comes into a test that does not wait for one. */
const LONG = { openDuration: "10m", scope: "upstream" };
const BRIEF = { openDuration: "100ms", scope: "upstream" };

function broken(circuitBreaker: unknown, ...endpoints: SceneSpec["endpoints"]): SceneSpec {
  return { endpoints, upstream: { health: { passive: false }, circuitBreaker, timeouts: { total: "1s" } } };
}

/** Its endpoints are asked in turn. */
function inTurns({ endpoints, upstream }: SceneSpec): SceneSpec {
  return { endpoints, upstream: { ...upstream, balance: "round-robin" } };
}

const scenes = () => ({
  row: broken({ failureThreshold: 3, ...LONG }, status(500)),
  count: broken({ failureThreshold: false, failures: 3, ...LONG }, says("ok")),
  ratio: broken({ failureThreshold: false, failureRatio: 0.5, minimumRequests: 6, ...LONG }, says("ok")),
  percent: broken({ failureThreshold: 50, ...LONG }, says("ok")),
  refused: broken({ failureThreshold: 3, ...LONG }, null),
  slow: broken({ failureThreshold: 2, timeout: "30ms", ...LONG }, says("ok")),
  client: broken({ failureThreshold: 2, ...LONG }, status(404)),
  closes: broken({ failureThreshold: 2, successThreshold: 2, halfOpenRequests: 1, ...BRIEF }, status(500)),
  again: broken({ failureThreshold: 2, successThreshold: 1, ...BRIEF }, status(500)),
  probes: broken({ failureThreshold: 2, successThreshold: 3, halfOpenRequests: 2, ...BRIEF }, status(500)),
  one: broken({ failureThreshold: 2, openDuration: "10m", scope: "endpoint" }, status(500), says("ok")),
  together: broken({ failureThreshold: 3, openDuration: "10m" }, (request) =>
    request.target.endsWith("/held") ? request.aborted.then(() => undefined) : request.reply(),
  ),
  whole: inTurns(broken({ failureThreshold: 3, ...LONG }, status(500), status(500))),
  partly: inTurns(
    broken({ failureThreshold: 3, failureRatio: 0.5, minimumRequests: 4, ...LONG }, status(500), says("ok")),
  ),
  all: broken({ failureThreshold: 2, openDuration: "10m", scope: "endpoint" }, status(500), status(500)),
});

function isOpen(reply: FullReply): boolean {
  return reply.status === 503 && reply.json()["code"] === "circuit_open";
}

/** Asks until the breaker lets one through. */
async function probe(scene: Scene): Promise<FullReply> {
  return eventually("a probe", async () => {
    const reply = await scene.ask();
    return reply.header("content-type") === "application/problem+json" ? null : reply;
  });
}

async function expectOpen(scene: Scene): Promise<void> {
  const before = scene.counts;
  const reply = await scene.ask();
  expect([reply.status, reply.json()["code"]]).toEqual([503, "circuit_open"]);
  expect(reply.header("retry-after")).toMatch(/^[1-9]\d*$/);
  expect(scene.counts).toEqual(before);
}

/** Replies so, in turn and then again from the first. */
function inTurn(...codes: number[]): Behaviour {
  let asked = 0;
  return (request) => request.reply({ status: codes[asked++ % codes.length]! });
}

onBothEdges(scenes, (scene) => {
  test("failures in a row open it: 503 circuit_open with Retry-After, and the upstream is left alone", async () => {
    expect(await scene("row").askTimes(3)).toEqual([500, 500, 500]);
    await expectOpen(scene("row"));
    const reply = await scene("row").ask();
    expect(Number(reply.header("retry-after"))).toBeGreaterThan(590);
    await eventually("a word of it", () => scene("row").logged("circuit_breaker.opened").length > 0);
    expect(scene("row").logged("circuit_breaker.opened")).toMatchObject([
      { upstream: "row", endpoint: null, reason: "3 failures in a row" },
    ]);
  });

  test("failures within the window open it, however many succeed between them", async () => {
    scene("count").origins[0]!.behaviour = inTurn(500, 200);
    expect(await scene("count").askTimes(5)).toEqual([500, 200, 500, 200, 500]);
    await expectOpen(scene("count"));
  });

  test("a share of failures opens it, once there are enough requests", async () => {
    scene("ratio").origins[0]!.behaviour = inTurn(500, 500, 200);
    expect(await scene("ratio").askTimes(6)).toEqual([500, 500, 200, 500, 500, 200]);
    // The last one succeeded: only a failure opens it.
    expect(await scene("ratio").askTimes(1)).toEqual([500]);
    await expectOpen(scene("ratio"));
  });

  test("FlexGate's failureThreshold of 50 opens it at half of ten requests", async () => {
    scene("percent").origins[0]!.behaviour = inTurn(200, 500);
    expect(await scene("percent").askTimes(10)).toEqual(Array.from({ length: 10 }, (_, i) => (i % 2 ? 500 : 200)));
    await expectOpen(scene("percent"));
  });

  test("refused connections count as failures", async () => {
    expect(await scene("refused").askTimes(3)).toEqual([502, 502, 502]);
    await expectOpen(scene("refused"));
  });

  test("a reply later than `timeout` counts as a failure, and the client gets it all the same", async () => {
    scene("slow").origins[0]!.behaviour = async (request) => {
      await Bun.sleep(50);
      request.reply({ body: "late" });
    };
    expect((await scene("slow").ask()).text).toBe("late");
    expect((await scene("slow").ask()).text).toBe("late");
    await expectOpen(scene("slow"));
  });

  test("what the client did wrong is no failure", async () => {
    expect(await scene("client").askTimes(5)).toEqual([404, 404, 404, 404, 404]);
  });

  test("after openDuration it probes, and closes after enough successes", async () => {
    await scene("closes").askTimes(2);
    expect(isOpen(await scene("closes").ask())).toBe(true);
    scene("closes").origins[0]!.behaviour = says("well");
    expect((await probe(scene("closes"))).text).toBe("well");
    expect((await probe(scene("closes"))).text).toBe("well");
    expect(await scene("closes").askTimes(5)).toEqual([200, 200, 200, 200, 200]);
    await eventually("a word of it", () => scene("closes").logged("circuit_breaker.closed").length > 0);
  });

  test("a probe that fails opens it again", async () => {
    await scene("again").askTimes(2);
    expect((await probe(scene("again"))).status).toBe(500);
    expect(isOpen(await scene("again").ask())).toBe(true);
    await eventually("a word of it", () => scene("again").logged("circuit_breaker.opened").length >= 2);
  });

  test("while half-open no more than halfOpenRequests are under way", async () => {
    const gate = new Gate();
    const here = scene("probes");
    await here.askTimes(2);
    const [origin] = here.origins;
    const before = origin!.requests.length;
    origin!.behaviour = async (request) => {
      await gate.opened;
      request.reply({ body: "probe" });
    };
    const probes: Promise<FullReply>[] = [];
    await eventually("two probes", async () => {
      const asked = origin!.requests.length;
      const reply = here.ask();
      // Refused at once, or held by the gate.
      await Promise.race([reply, eventually("a probe", () => origin!.requests.length > asked)]);
      if (origin!.requests.length > asked) probes.push(reply);
      return probes.length === 2;
    });
    for (let i = 0; i < 5; i++) expect(isOpen(await here.ask())).toBe(true);
    expect(origin!.requests.length).toBe(before + 2);
    gate.open();
    expect((await Promise.all(probes)).map(({ text }) => text)).toEqual(["probe", "probe"]);
  });

  test("the breaker of one endpoint sends its share to the others", async () => {
    expect(await scene("one").askTimes(6)).toEqual([500, 500, 200, 200, 200, 200]);
    expect(scene("one").counts).toEqual([2, 4]);
  });

  test("calls that hang together while others succeed are no failures in a row", async () => {
    const held = Array.from({ length: 10 }, () => scene("together").ask({ target: "/held" }));
    await eventually("all to be held", () => scene("together").counts[0] === 10);
    expect(await scene("together").askTimes(1)).toEqual([200]);
    expect((await Promise.all(held)).map((reply) => reply.status)).toEqual(Array.from({ length: 10 }, () => 504));
    expect(await scene("together").askTimes(1)).toEqual([200]);
  });

  test("the breaker of an upstream opens when all of its endpoints fail, not when one does", async () => {
    expect(await scene("whole").askTimes(3)).toEqual([500, 500, 500]);
    await expectOpen(scene("whole"));
    // Half of all fail, but the other endpoint is well.
    expect(new Set(await scene("partly").askTimes(10))).toEqual(new Set([200, 500]));
    const [sick, well] = scene("partly").counts;
    expect([sick, well]).toEqual([5, 5]);
    scene("partly").origins[1]!.behaviour = status(500);
    await eventually("it to open", async () => isOpen(await scene("partly").ask()));
  });

  test("with the breakers of all endpoints open it is 503 circuit_open", async () => {
    expect(await scene("all").askTimes(4)).toEqual([500, 500, 500, 500]);
    await expectOpen(scene("all"));
    expect(scene("all").counts).toEqual([2, 2]);
    expect(Number((await scene("all").ask()).header("retry-after"))).toBeGreaterThan(590);
  });
});

test("workers share a breaker: what one has seen opens it for the other", async () => {
  const specs = { shared: broken({ failureThreshold: 3, ...LONG }, status(500)), well: broken({}, says("ok")) };
  await using theatre = await Theatre.open("wire", specs, { workers: 2, logging: { access: "all" } });
  const held = await connectToAll(theatre.sluice, [1, 2]);
  const [first, second] = [1, 2].map((place) => held.find((one) => one.place === place)!.client);
  const shared = theatre.scene("shared");
  for (let i = 0; i < 3; i++) {
    first!.request(shared.to({}));
    expect((await first!.read()).status).toBe(500);
  }
  second!.request(shared.to({}));
  expect(isOpen(await second!.read())).toBe(true);
  expect(shared.counts).toEqual([3]);
  for (const { client } of held) client.close();
});
