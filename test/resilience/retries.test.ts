import { expect, test } from "bun:test";
import { eventually } from "../kit/eventually.ts";
import { readTruncated } from "../kit/raw-client.ts";
import type { Behaviour } from "../kit/raw-origin.ts";
import { bodyOf, garbage, hangs, onBothEdges, resets, says, type SceneSpec, status } from "./theatre.ts";

const ok = says("hello");
/** No scene is about ejections here. */
const upstream = { health: { passive: false } } as const;

function retrying(retries: unknown, ...endpoints: SceneSpec["endpoints"]): SceneSpec {
  return { endpoints, upstream: { ...upstream, retries } };
}

const cut: Behaviour = async (request) => {
  request.head(200, [["Content-Length", "100"]]);
  request.write("part");
  await Bun.sleep(20);
  request.reset();
};

/** 503 with a time, then well. */
function busyOnce(): Behaviour {
  let asked = 0;
  return (request) =>
    asked++ === 0 ? request.reply({ status: 503, fields: [["Retry-After", "1"]] }) : request.reply({ body: "hello" });
}

const scenes = () => ({
  refused: { endpoints: [null, ok], upstream },
  unasked: { endpoints: [resets, ok], upstream },
  reset: retrying(2, resets, resets, ok),
  ends: retrying(1, resets, resets, ok),
  garbage: retrying(1, garbage, ok),
  hang: retrying({ max: 1, perTry: "200ms" }, hangs, ok),
  busy: retrying(1, status(503), ok),
  picky: retrying({ max: 1, on: [500] }, status(503), ok),
  chosen: retrying({ max: 1, on: [500] }, status(500), ok),
  resetOnly: retrying({ max: 1, on: ["reset"] }, status(503), ok),
  polite: retrying({ max: 1, backOff: { maxRetryAfter: "300ms" } }, busyOnce()),
  post: retrying({ max: 2, perTry: "300ms" }, resets, ok, ok),
  postHang: retrying({ max: 2, perTry: "300ms" }, hangs, ok, ok),
  postBusy: retrying(2, status(503), ok, ok),
  postRefused: retrying(1, null, ok),
  small: retrying({ max: 1, maxBody: "1kb" }, resets, ok),
  large: retrying({ max: 1, maxBody: "1kb" }, resets, ok),
  chunked: retrying({ max: 1, maxBody: "1kb" }, resets, ok),
  cut: retrying(2, cut, ok, ok),
  budget: retrying({ max: 1, budget: { ratio: 0, minPerSecond: 0.2 } }, resets, ok),
  alone: retrying(2, resets),
});

onBothEdges(scenes, (scene) => {
  test.each(["GET", "POST", "PATCH"])(
    "%s: a refused connection sends the request to the next endpoint, unasked",
    async (method) => {
      const { origins } = scene("refused");
      origins[0]!.requests.length = 0;
      const reply = await scene("refused").ask({ method, body: method === "GET" ? undefined : "hi" });
      expect([reply.status, reply.text]).toEqual([200, "hello"]);
      expect(scene("refused").counts).toEqual([1]);
    },
  );

  test("unless retries are asked for, a GET that may have been processed is not sent again", async () => {
    expect((await scene("unasked").ask()).json()["code"]).toBe("upstream_reset");
    expect(scene("unasked").counts).toEqual([1, 0]);
  });

  test("a GET that was reset before any reply goes to another endpoint each time", async () => {
    expect((await scene("reset").ask()).text).toBe("hello");
    expect(scene("reset").counts).toEqual([1, 1, 1]);
  });

  test("no more than `max` retries are made", async () => {
    expect((await scene("ends").ask()).json()["code"]).toBe("upstream_reset");
    expect(scene("ends").counts).toEqual([1, 1, 0]);
  });

  test("with one endpoint, a GET is tried there again", async () => {
    expect((await scene("alone").ask()).json()["code"]).toBe("upstream_reset");
    expect(scene("alone").counts).toEqual([3]);
  });

  test("an answer that is no HTTP is tried elsewhere", async () => {
    expect((await scene("garbage").ask()).text).toBe("hello");
    expect(scene("garbage").counts).toEqual([1, 1]);
  });

  test("perTry moves a GET on from an endpoint that hangs, and ends that attempt", async () => {
    expect((await scene("hang").ask()).text).toBe("hello");
    expect(scene("hang").counts).toEqual([1, 1]);
    await scene("hang").origins[0]!.connections[0]!.ended;
  });

  test("503 is tried elsewhere", async () => {
    expect((await scene("busy").ask()).text).toBe("hello");
    expect(scene("busy").counts).toEqual([1, 1]);
  });

  test("a status is tried elsewhere when it is named, and passed on when it is not", async () => {
    expect((await scene("chosen").ask()).text).toBe("hello");
    for (const name of ["picky", "resetOnly"] as const) {
      const reply = await scene(name).ask();
      expect([reply.status, reply.text]).toEqual([503, "status 503"]);
      expect(scene(name).counts).toEqual([1, 0]);
    }
  });

  test("Retry-After is waited for, as far as it is allowed to ask", async () => {
    const { origins } = scene("polite");
    const arrivals: number[] = [];
    const answer = origins[0]!.behaviour;
    origins[0]!.behaviour = (request) => {
      arrivals.push(performance.now());
      return answer(request);
    };
    expect((await scene("polite").ask()).text).toBe("hello");
    // Timers are a little early, never late enough to matter.
    expect(arrivals[1]! - arrivals[0]!).toBeGreaterThan(290);
  });

  test.each([
    ["post", 502],
    ["postHang", 504],
    ["postBusy", 503],
  ] as const)("%s: a POST whose bytes an upstream has taken is never sent twice", async (name, code) => {
    expect((await scene(name).ask({ method: "POST", body: "pay 5" })).status).toBe(code);
    expect(scene(name).counts).toEqual([1, 0, 0]);
    expect(bodyOf(scene(name).origins[0]!.only)).toBe("pay 5");
  });

  test("a POST of many bytes that nobody took goes on whole", async () => {
    const body = "x".repeat(200_000);
    expect((await scene("postRefused").ask({ method: "POST", body })).text).toBe("hello");
    expect(bodyOf(scene("postRefused").origins[0]!.only)).toBe(body);
  });

  test.each(["small", "chunked"] as const)("%s: a body within the buffer is sent again whole", async (name) => {
    const body = "0123456789".repeat(50);
    const parts =
      name === "small"
        ? { body }
        : { fields: [["Transfer-Encoding", "chunked"]] as const, body: `1f4\r\n${body}\r\n0\r\n\r\n` };
    expect((await scene(name).ask({ method: "PUT", ...parts })).text).toBe("hello");
    expect(scene(name).counts).toEqual([1, 1]);
    for (const { only } of scene(name).origins) expect(bodyOf(only)).toBe(body);
  });

  test("a body beyond the buffer is not sent again", async () => {
    const reply = await scene("large").ask({ method: "PUT", body: "x".repeat(300_000) });
    expect(reply.json()["code"]).toBe("upstream_reset");
    expect(scene("large").counts).toEqual([1, 0]);
  });

  test("a reset after the reply's head is the client's to see: never a second attempt, never a truncated success", async () => {
    await using client = await scene("cut").sent();
    await readTruncated(client);
    expect(scene("cut").counts).toEqual([1, 0, 0]);
  });

  test("beyond the budget the failure is passed on, and the log says so", async () => {
    expect(await scene("budget").askTimes(4)).toEqual([200, 200, 502, 502]);
    expect(scene("budget").counts).toEqual([4, 2]);
    await eventually("a word of it", () => scene("budget").logged("retry_budget.exhausted").length > 0);
  });
});
