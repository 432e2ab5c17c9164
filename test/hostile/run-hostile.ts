import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { type Edge, SluiceStage } from "../contract/stage.ts";
import { Truncated } from "../kit/byte-stream.ts";
import { eventually, within } from "../kit/eventually.ts";
import { ask, RawClient } from "../kit/raw-client.ts";
import { HOSTILE, type HostileRequest } from "./requests.ts";

/** Sends each hostile request and looks at what of it reached the origin. */
export function runHostile(edge: Edge): void {
  describe(`hostile requests on edge ${edge}`, () => {
    let stage: SluiceStage;
    beforeAll(async () => {
      stage = await SluiceStage.open(edge);
    });
    beforeEach(() =>
      stage.origin.restart(async (request) => {
        await request.body.all();
        request.reply({ body: "fine" });
      }),
    );
    afterAll(() => stage?.close());

    for (const request of HOSTILE) {
      const answers = (edge === "serve" ? request.serve?.answers : undefined) ?? request.answers;
      test(`${request.name} is answered with ${answers.join(" or ")}${request.mayPass ? ", once" : " and goes no further"}`, async () => {
        const answer = await send(stage.port, request);
        expect(answers).toContain(answer);
        await expectNothingSmuggled(stage, request);
        // Whatever it was, the next client is served.
        expect((await ask(stage.port, { target: "/next" })).status).toBe(200);
      });
    }

    slowClients(() => stage);
  });
}

async function send(port: number, { bytes }: HostileRequest): Promise<number | "closed"> {
  await using client = await RawClient.connect(port);
  client.send(bytes);
  try {
    const { status, body } = await client.readHead();
    await body.all();
    return status;
  } catch (error) {
    if (error instanceof Truncated) return "closed";
    throw error;
  }
}

/** A refused request leaves nothing at the origin but, at most, a body that visibly never ended. */
async function expectNothingSmuggled({ origin }: SluiceStage, { mayPass }: HostileRequest): Promise<void> {
  expect(origin.requests.map((request) => request.target)).not.toContain("/smuggled");
  for (const connection of origin.connections) expect(connection.garbage).toBeNull();
  if (mayPass) {
    expect(origin.requests.length).toBeLessThanOrEqual(1);
    if (origin.requests.length === 1) expect(origin.only.headers("host")).toHaveLength(1);
    return;
  }
  // The head of a request whose chunks turn out to be bad may have gone on before them: it must then be cut off.
  for (const request of origin.requests) {
    expect(request.header("transfer-encoding")).toBe("chunked");
    expect(await request.aborted).toBeOneOf(["fin", "rst"]);
  }
}

function slowClients(stage: () => SluiceStage): void {
  test("200 clients that drip their heads keep nobody waiting and are let go", async () => {
    const { port } = await stage().gateway({ timeouts: { head: "1s" } });
    const drips = await Promise.all(Array.from({ length: 200 }, () => RawClient.connect(port)));
    for (const drip of drips) drip.send("GET / HTTP/1.1\r\nHost: h\r\nX-Slow: ");
    expect((await ask(port)).status).toBe(200);
    const dripping = setInterval(() => drips.forEach((drip) => drip.stream.ending === null && drip.send("a")), 100);
    try {
      await within("the end of every dripping connection", Promise.all(drips.map((drip) => drip.stream.ended)), 20_000);
    } finally {
      clearInterval(dripping);
      for (const drip of drips) drip.close();
    }
  }, 30_000);

  test("a body that stops coming is given up", async () => {
    const { port } = await stage().gateway({ timeouts: { bodyIdle: "1s" } });
    await using client = await RawClient.connect(port);
    client.request({ method: "POST", fields: [["Content-Length", "100"]], body: "a bit" });
    await eventually(
      "the end of the connection or an answer",
      () => client.stream.ending ?? client.stream.unread.length > 0,
    );
    const answer = await client.read("POST").then(
      (reply) => reply.status,
      () => 408,
    );
    expect(answer).toBe(408);
    for (const request of stage().origin.requests) expect(await request.aborted).toBeOneOf(["fin", "rst"]);
  }, 30_000);
}
