import { expect, test } from "bun:test";
import { eventually, Gate } from "../kit/eventually.ts";
import { ask, type FullReply, RawClient, readTruncated } from "../kit/raw-client.ts";
import type { Behaviour } from "../kit/raw-origin.ts";
import { silent, Stage } from "./stage.ts";

test("a route's timeout is 504 upstream_timeout, and ends the attempt", async () => {
  await using stage = await Stage.set([silent], {}, { timeout: "200ms" });
  const reply = await ask(stage.port);
  expect([reply.status, reply.json()["code"]]).toEqual([504, "upstream_timeout"]);
  await stage.origins[0]!.connections[0]!.ended;
});

test("a route's timeout spans all attempts", async () => {
  await using stage = await Stage.set(
    [silent, silent, silent],
    { retries: { max: 2, perTry: "400ms" } },
    { timeout: "600ms" },
  );
  expect((await ask(stage.port)).json()["code"]).toBe("upstream_timeout");
  expect(stage.counts).toEqual([1, 1, 0]);
});

test("a route's timeout is about the head: a body may take longer", async () => {
  const gate = new Gate();
  const slow: Behaviour = async (request) => {
    request.head(200, [["Content-Length", "10"]]);
    request.write("first");
    await gate.opened;
    request.write("later");
  };
  await using stage = await Stage.set([slow, silent], {}, { timeout: "300ms" });
  await using client = await RawClient.connect(stage.port);
  client.request({});
  const head = await client.readHead();
  await head.body.until("first");
  // Time passes in the proxy: another exchange runs into the same limit meanwhile.
  stage.origins[0]!.behaviour = silent;
  expect((await ask(stage.port)).status).toBe(504);
  gate.open();
  expect(await head.body.until("later")).toBe("later");
});

test("totalMs cuts a body that is still coming: RST, and the upstream's connection ends", async () => {
  const endless: Behaviour = async (request) => {
    request.head(200, [["Content-Length", "1000000"]]);
    request.write("part");
    await request.aborted;
  };
  await using stage = await Stage.set([endless], {}, { totalMs: "300ms" });
  await using client = await RawClient.connect(stage.port);
  client.request({});
  expect(await readTruncated(client)).toBe("rst");
  await stage.origins[0]!.connections[0]!.ended;
});

test("totalMs before the head is 504", async () => {
  await using stage = await Stage.set([silent], {}, { totalMs: "200ms" });
  expect((await ask(stage.port)).json()["code"]).toBe("upstream_timeout");
});

/** Three clients ask at once where one may be served and one may wait. */
async function crowd(stage: Stage): Promise<{ first: Promise<FullReply>; others: Promise<FullReply>[] }> {
  const first = ask(stage.port, { target: "/first" });
  await stage.origins[0]!.request(0);
  return { first, others: [ask(stage.port, { target: "/a" }), ask(stage.port, { target: "/b" })] };
}

test("beyond maxConnections a request waits its turn, beyond maxPending it is 503 overloaded with Retry-After", async () => {
  const gate = new Gate();
  const gated: Behaviour = async (request) => {
    await gate.opened;
    request.reply({ body: request.target });
  };
  await using stage = await Stage.set([gated], { limits: { maxConnections: 1, maxPending: 1 } });
  const { first, others } = await crowd(stage);
  const refused = await Promise.race(others);
  expect([refused.status, refused.json()["code"]]).toEqual([503, "overloaded"]);
  expect(refused.header("retry-after")).toMatch(/^[1-9]\d*$/);
  expect(stage.counts).toEqual([1]);
  gate.open();
  expect((await first).text).toBe("/first");
  const statuses = (await Promise.all(others)).map((reply) => reply.status);
  expect(statuses.sort()).toEqual([200, 503]);
  expect(stage.origins[0]!.connections).toHaveLength(1);
});

test("who waits for a connection too long is 503 overloaded, and frees its place", async () => {
  const gate = new Gate();
  const gated: Behaviour = async (request) => {
    await gate.opened;
    request.reply({ body: request.target });
  };
  const limits = { maxConnections: 1, maxPending: 1 };
  await using stage = await Stage.set([gated], { limits, timeouts: { connect: "200ms" } });
  const { first, others } = await crowd(stage);
  const replies = await Promise.all(others);
  expect(replies.map((reply) => [reply.status, reply.json()["code"]])).toEqual([
    [503, "overloaded"],
    [503, "overloaded"],
  ]);
  gate.open();
  expect((await first).text).toBe("/first");
  expect((await ask(stage.port, { target: "/next" })).text).toBe("/next");
  expect(stage.counts).toEqual([2]);
});

test("a full endpoint is passed by: the next one is asked", async () => {
  const gate = new Gate();
  const gated: Behaviour = async (request) => {
    await gate.opened;
    request.reply({ body: "gated" });
  };
  const hello: Behaviour = (request) => request.reply({ body: "hello" });
  await using stage = await Stage.set([gated, hello], { limits: { maxConnections: 1, maxPending: 0 } });
  const first = ask(stage.port);
  await stage.origins[0]!.request(0);
  expect((await ask(stage.port)).text).toBe("hello");
  gate.open();
  expect((await first).text).toBe("gated");
});

test("a client that goes away while it waits gives its place back and is never forwarded", async () => {
  const gate = new Gate();
  const gated: Behaviour = async (request) => {
    await gate.opened;
    request.reply({ body: request.target });
  };
  await using stage = await Stage.set([gated], { limits: { maxConnections: 1, maxPending: 1 } });
  const first = ask(stage.port, { target: "/first" });
  await stage.origins[0]!.request(0);
  const leaver = await RawClient.connect(stage.port);
  leaver.request({ target: "/leaver" });
  await eventually("the leaver waits", async () => (await ask(stage.port, { target: "/probe" })).status === 503);
  leaver.reset();
  await stage.sluice.process.says('"target":"/leaver"');
  gate.open();
  expect([(await first).text, (await ask(stage.port, { target: "/next" })).text]).toEqual(["/first", "/next"]);
  expect(stage.origins[0]!.requests.map((request) => request.target)).toEqual(["/first", "/next"]);
});
