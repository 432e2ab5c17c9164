import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { eventually, Gate } from "../kit/eventually.ts";
import { chunk, LAST_CHUNK } from "../kit/http-message.ts";
import { RawClient } from "../kit/raw-client.ts";
import type { Sluice } from "../kit/sluice.ts";
import { crossing, PROTOCOLS, WebOrigin } from "./crossing.ts";
import { FrameOrigin } from "./frame-origin.ts";

const MEGABYTE = 1024 * 1024;
const WALL = 256 * MEGABYTE;
/** Probes in a row without progress that count as standing still. */
const STILL = 100;

/** Resolves when `progress` has begun and stopped. */
async function standsStill(what: string, progress: () => number): Promise<number> {
  let before = 0;
  let still = 0;
  await eventually(what, () => {
    still = progress() > 0 && progress() === before ? still + 1 : 0;
    before = progress();
    return still > STILL;
  });
  return before;
}

for (const protocol of PROTOCOLS) {
  describe(`streams from edge wire to an ${protocol} upstream`, () => {
    let origin: WebOrigin;
    let sluice: Sluice;

    beforeAll(async () => {
      origin = new WebOrigin();
      sluice = await crossing(origin, protocol);
    });

    afterAll(async () => {
      await sluice.stop();
      await origin[Symbol.asyncDispose]();
    });

    test("a chunk of a request arrives before its end, and a chunk of the reply before the request's end", async () => {
      origin.answer = (request) => new Response(request.body);
      await using client = await RawClient.connect(sluice.port);
      client.request({ method: "POST", fields: [["Transfer-Encoding", "chunked"]] });
      client.send(chunk("one"));
      const head = await client.readHead();
      await head.body.until("one");
      client.send(chunk("two"));
      await head.body.until("two");
      client.send(LAST_CHUNK);
      expect((await head.body.all()).length).toBe(0);
    });

    test("a slow client holds the origin back instead of filling the proxy", async () => {
      let sent = 0;
      const piece = new Uint8Array(MEGABYTE);
      origin.answer = () =>
        new Response(
          new ReadableStream({
            pull(controller) {
              sent += MEGABYTE;
              if (sent > WALL) controller.close();
              else controller.enqueue(piece.slice());
            },
          }),
        );
      await using client = await RawClient.connect(sluice.port);
      client.socket.pause();
      client.request({});
      const stoppedAt = await standsStill("the origin stops", () => sent);
      expect(stoppedAt).toBeLessThan(WALL / 2);
      client.socket.resume();
      await eventually("the origin goes on", () => sent > 2 * stoppedAt);
    });

    test("a client that goes away ends the upstream's stream", async () => {
      const aborted = new Gate();
      origin.answer = (request) => {
        request.signal.addEventListener("abort", () => aborted.open());
        return new Response(
          new ReadableStream({
            start: (controller) => controller.enqueue(Buffer.from("first")),
            cancel: () => aborted.open(),
          }),
        );
      };
      const client = await RawClient.connect(sluice.port);
      client.request({});
      await (await client.readHead()).body.until("first");
      client.reset();
      await aborted.opened;
    });

    test("a client that goes away before the reply ends the upstream's request", async () => {
      const asked = new Gate();
      const aborted = new Gate();
      origin.answer = (request) => {
        request.signal.addEventListener("abort", () => aborted.open());
        asked.open();
        return new Promise<Response>(() => undefined);
      };
      const client = await RawClient.connect(sluice.port);
      client.request({});
      await asked.opened;
      client.reset();
      await aborted.opened;
    });
  });
}

// `Bun.serve` as an origin reads on whatever its handler does, so this one is an origin of frames, which opens no window.
test("a slow HTTP/2 origin holds the client back instead of filling the proxy", async () => {
  await using origin = await FrameOrigin.start();
  origin.answer = () => undefined;
  await using sluice = await crossing(origin, "http2");
  await using client = await RawClient.connect(sluice.port);
  client.request({ method: "POST", fields: [["Content-Length", String(WALL)]] });
  for (let at = 0; at < WALL; at += MEGABYTE) client.send(Buffer.alloc(MEGABYTE));
  const sent = (): number => client.socket.bytesWritten - client.socket.writableLength;
  expect(await standsStill("the client stops", sent)).toBeLessThan(WALL / 2);
});
