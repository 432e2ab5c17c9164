import { afterAll, beforeAll, expect, test } from "bun:test";
import { RawClient } from "../kit/raw-client.ts";
import { RawOrigin } from "../kit/raw-origin.ts";
import { Sluice } from "../kit/sluice.ts";

let origin: RawOrigin;
let sluice: Sluice;

beforeAll(async () => {
  origin = await RawOrigin.start();
  sluice = await Sluice.start((port) => ({
    listeners: [{ name: "web", host: "127.0.0.1", port, edge: "wire" }],
    upstreams: [{ name: "o", endpoints: [{ url: origin.url }] }],
    routes: [{ path: "/*", upstream: "o" }],
  }));
});

afterAll(async () => {
  await sluice.stop();
  await origin.stop();
});

test("a whole request with a body is answered although FIN came while its upstream was being connected", async () => {
  origin.restart((request) => request.reply({ body: "got it" }));
  await using client = await RawClient.connect(sluice.port);
  client.request({ method: "POST", body: "hello" });
  client.end();
  expect((await client.read("POST")).text).toBe("got it");
});

test("pipelined requests that came before FIN are all answered, then the connection ends", async () => {
  origin.restart((request) => request.reply({ body: request.target }));
  await using client = await RawClient.connect(sluice.port);
  for (const target of ["/1", "/2", "/3"]) client.request({ target });
  client.end();
  expect((await client.read()).text).toBe("/1");
  expect((await client.read()).text).toBe("/2");
  expect((await client.read()).text).toBe("/3");
  await client.ended;
});

test("an upstream that sends interim replies without an end is given up", async () => {
  origin.restart(async (request) => {
    const flood = "HTTP/1.1 103 Early Hints\r\nX-Pad: " + "x".repeat(1000) + "\r\n\r\n";
    request.write(flood.repeat(400));
    await Bun.sleep(50);
    request.reply();
  });
  await using client = await RawClient.connect(sluice.port);
  client.request({});
  const reply = await client.read().catch(() => null);
  expect(reply?.status).toBe(502);
});

test("a tunnel whose upstream has sent FIN still carries what the client sends", async () => {
  const heard = Promise.withResolvers<string>();
  origin.restart((request) => {
    request.upgraded = true;
    request.head(
      101,
      [
        ["Connection", "Upgrade"],
        ["Upgrade", "echo"],
      ],
      "Switching Protocols",
    );
    request.end();
    let text = "";
    request.connection.socket.on("data", (bytes: Buffer) => (text += bytes.toString("latin1")));
    request.connection.socket.on("end", () => heard.resolve(text));
    request.connection.socket.on("close", () => heard.resolve(text));
  });
  await using client = await RawClient.connect(sluice.port);
  client.request({
    fields: [
      ["Connection", "Upgrade"],
      ["Upgrade", "echo"],
    ],
  });
  expect((await client.readHead()).status).toBe(101);
  await Bun.sleep(100);
  client.send("late words");
  client.end();
  expect(await heard.promise).toBe("late words");
});
