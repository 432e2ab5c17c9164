import { expect, test } from "bun:test";
import { eventually } from "../kit/eventually.ts";
import { ask, RawClient } from "../kit/raw-client.ts";
import { type Behaviour, RawOrigin } from "../kit/raw-origin.ts";
import { Sluice } from "../kit/sluice.ts";
import { resetAfterRequest, silent, Stage } from "./stage.ts";

const hello: Behaviour = (request) => request.reply({ body: "hello" });

for (const [method, body] of [
  ["GET", undefined],
  ["POST", "hi"],
] as const) {
  test(`${method}: when an endpoint refuses the connection, the next one gets the request, once`, async () => {
    await using stage = await Stage.set([null, hello]);
    const reply = await ask(stage.port, { method, body });
    expect([reply.status, reply.text]).toEqual([200, "hello"]);
    expect(stage.counts).toEqual([1]);
  });
}

test("a POST that an upstream took and then reset is never sent twice, retries or not", async () => {
  for (const upstream of [{}, { retries: 2 }]) {
    await using stage = await Stage.set([resetAfterRequest, hello], upstream);
    const reply = await ask(stage.port, { method: "POST", body: "hi" });
    expect([reply.status, reply.json()["code"]]).toEqual([502, "upstream_reset"]);
    expect(stage.counts).toEqual([1, 0]);
  }
});

test("a POST without a body is not sent twice either", async () => {
  await using stage = await Stage.set([resetAfterRequest, hello], { retries: 2 });
  expect((await ask(stage.port, { method: "POST" })).status).toBe(502);
  expect(stage.counts).toEqual([1, 0]);
});

test("with retries, a PUT that was reset is sent again with the whole of its body, where that is small enough to be kept", async () => {
  const echo: Behaviour = async (request) => request.reply({ body: await request.body.all() });
  await using stage = await Stage.set([resetAfterRequest, echo], { retries: { max: 2, maxBody: "4kb" } });
  const small = "x".repeat(4096);
  expect((await ask(stage.port, { method: "PUT", body: small })).text).toBe(small);
  expect(stage.counts).toEqual([1, 1]);
  expect((await ask(stage.port, { method: "PUT", body: `${small}y` })).status).toBe(502);
  expect(stage.counts).toEqual([2, 1]);
});

test("without retries, a PUT whose body an upstream has is not sent again", async () => {
  await using stage = await Stage.set([resetAfterRequest, hello]);
  expect((await ask(stage.port, { method: "PUT", body: "hi" })).status).toBe(502);
  expect(stage.counts).toEqual([1, 0]);
});

test("with retries, a GET that was reset before the reply's head goes to the next endpoint", async () => {
  await using stage = await Stage.set([resetAfterRequest, resetAfterRequest, hello], { retries: 2 });
  expect((await ask(stage.port)).text).toBe("hello");
  expect(stage.counts).toEqual([1, 1, 1]);
});

test("without retries, a GET that was reset before the reply's head is 502", async () => {
  await using stage = await Stage.set([resetAfterRequest, hello]);
  expect((await ask(stage.port)).json()["code"]).toBe("upstream_reset");
  expect(stage.counts).toEqual([1, 0]);
});

test("retries end where they were told to", async () => {
  await using stage = await Stage.set([resetAfterRequest, resetAfterRequest, hello], { retries: 1 });
  expect((await ask(stage.port)).status).toBe(502);
  expect(stage.counts).toEqual([1, 1, 0]);
});

test("once the reply's head has come, nothing is tried again: the body is cut", async () => {
  const cut: Behaviour = (request) => {
    request.head(200, [["Content-Length", "100"]]);
    request.write("part");
    request.end();
  };
  await using stage = await Stage.set([cut, hello], { retries: 2 });
  await using client = await RawClient.connect(stage.port);
  client.request({});
  await (await client.readHead()).body.until("part");
  expect(await client.ended).toBe("rst");
  expect(stage.counts).toEqual([1, 0]);
});

test("perTry moves a slow GET to the next endpoint", async () => {
  await using stage = await Stage.set([silent, hello], { retries: { max: 1, perTry: "200ms" } });
  expect((await ask(stage.port)).text).toBe("hello");
  expect(stage.counts).toEqual([1, 1]);
  await eventually("the first attempt is ended", () => stage.origins[0]!.connections[0]!.stream.ending !== null);
});

test("perTry does not send a POST twice", async () => {
  await using stage = await Stage.set([silent, hello], { retries: { max: 1, perTry: "200ms" } });
  const reply = await ask(stage.port, { method: "POST", body: "hi" });
  expect([reply.status, reply.json()["code"]]).toEqual([504, "upstream_timeout"]);
  expect(stage.counts).toEqual([1, 0]);
});

/** Answers the first request of each connection, and closes when the second comes: an idle connection that just went stale. */
function stale(): Behaviour {
  const seen = new Set<unknown>();
  return async (request) => {
    if (seen.has(request.connection)) return request.reset();
    seen.add(request.connection);
    await request.body.all();
    request.reply({ body: "hello" });
  };
}

for (const upstream of [{}, { retries: 2 }]) {
  const policy = JSON.stringify(upstream);

  test(`${policy}: a GET that meets a stale connection is sent once more, on a fresh one`, async () => {
    await using stage = await Stage.set([stale()], upstream);
    for (let i = 0; i < 2; i++) expect((await ask(stage.port)).text).toBe("hello");
    const [origin] = stage.origins;
    expect([origin!.requests.length, origin!.connections.length]).toEqual([3, 2]);
  });

  for (const body of ["hi", undefined]) {
    test(`${policy}: a POST (${body ?? "no body"}) that meets a stale connection is not sent again`, async () => {
      await using stage = await Stage.set([stale()], upstream);
      await ask(stage.port);
      expect((await ask(stage.port, { method: "POST", body })).json()["code"]).toBe("upstream_reset");
      const [origin] = stage.origins;
      expect([origin!.requests.length, origin!.connections.length]).toEqual([2, 1]);
    });
  }

  test(`${policy}: an idle connection that the origin has closed is not used: GET and POST pass`, async () => {
    const answer: Behaviour = async (request) => {
      await request.body.all();
      request.reply({ body: "hello" });
    };
    await using stage = await Stage.set([answer], upstream);
    for (const method of ["GET", "POST", "GET"]) {
      expect((await ask(stage.port, { method, body: method === "POST" ? "hi" : undefined })).text).toBe("hello");
      const connection = stage.origins[0]!.connections.at(-1)!;
      connection.socket.end();
      await connection.ended;
    }
    expect(stage.counts).toEqual([3]);
  });
}

test("an endpoint that may not be dialled is passed by, and that is no retry", async () => {
  const origin = await RawOrigin.start(hello);
  await using sluice = await Sluice.start({
    security: { blockedIPs: ["127.0.0.2"] },
    upstreams: [{ name: "up", endpoints: [{ url: "http://127.0.0.2:9" }, { url: origin.url }], retries: 0 }],
    routes: [{ path: "/*", upstream: "up" }],
  });
  for (let i = 0; i < 6; i++) expect((await ask(sluice.port, { method: "POST", body: "once" })).status).toBe(200);
  expect(origin.requests).toHaveLength(6);
  await origin.stop();
});
