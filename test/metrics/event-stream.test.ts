import { afterEach, describe, expect, test } from "bun:test";
import { EventBus } from "../../src/observability/event-bus.ts";
import { EVENT_STREAM_HEADERS, EventStream } from "../../src/observability/metrics/event-stream.ts";
import { alertStream, metricsStream } from "../../src/observability/metrics/streams.ts";
import { Counters, SLOT_SIZE } from "../../src/observability/counters.ts";
import { SlotTotals } from "../../src/observability/metrics/slot-totals.ts";
import { SAMPLE_MS, SummarySampler } from "../../src/observability/metrics/summary.ts";
import { eventually } from "../kit/eventually.ts";
import { exchange } from "./sample-page.ts";
import { Reader, Timers } from "./stream-reader.ts";

let ids = 0;
const newId = () => `client${String(++ids).padStart(4, "0")}`;
const HEARTBEAT = 8000;

function streamOf(options: ConstructorParameters<typeof EventStream>[0] = {}) {
  const timers = new Timers();
  return { timers, stream: new EventStream({ newId, every: timers.every, ...options }) };
}

describe("an event stream", () => {
  test("says connected first, with an id for the client, and then every event", async () => {
    const { stream } = streamOf();
    const reader = new Reader(stream.open(null));
    stream.send({ a: 1 });
    stream.send({ text: "two\nlines \u2028" });
    expect(await reader.next()).toEqual({
      event: "connected",
      id: null,
      data: { type: "connected", clientId: expect.any(String) },
    });
    expect(await reader.next()).toMatchObject({ event: "message", data: { a: 1 } });
    expect(await reader.next()).toMatchObject({ event: "message", data: { text: "two\nlines \u2028" } });
  });

  test("gives who comes back what it has missed, and nothing twice", async () => {
    const { stream } = streamOf();
    const first = new Reader(stream.open(null));
    for (let n = 1; n <= 5; n++) stream.send({ n });
    await first.next();
    await first.next();
    const { id } = (await first.next())!;
    await first.leave();
    const again = new Reader(stream.open(id));
    stream.send({ n: 6 });
    expect((await again.next())!.data).not.toHaveProperty("missedEvents");
    const heard = [await again.next(), await again.next(), await again.next(), await again.next()];
    expect(heard.map((event) => event!.data["n"])).toEqual([3, 4, 5, 6]);
  });

  test("says so when it does not remember all that was missed", async () => {
    const { stream } = streamOf({ remembered: 2 });
    const first = new Reader(stream.open(null));
    for (let n = 1; n <= 5; n++) stream.send({ n });
    await first.next();
    const { id } = (await first.next())!;
    const again = new Reader(stream.open(id));
    expect((await again.next())!.data).toMatchObject({ missedEvents: true });
    expect([(await again.next())!.data, (await again.next())!.data]).toEqual([{ n: 4 }, { n: 5 }]);
  });

  test("takes ids that it never gave for what they are", async () => {
    const other = streamOf().stream;
    const { stream } = streamOf({ newId: () => crypto.randomUUID().replaceAll("-", "") });
    for (let n = 1; n <= 9; n++) stream.send({ n });
    const foreign = new Reader(other.open(null));
    other.send({});
    await foreign.next();
    const { id } = (await foreign.next())!;
    for (const lastEventId of [id!, "x", "-1", `${"9".repeat(40)}`, "a-99999999999999999999"]) {
      const reader = new Reader(stream.open(lastEventId));
      expect((await reader.next())!.data).toMatchObject({ type: "connected", missedEvents: true });
      stream.send({ n: "next" });
      expect((await reader.next())!.data).toEqual({ n: "next" });
    }
  });

  test("beats while nothing happens", async () => {
    const { stream, timers } = streamOf();
    const reader = new Reader(stream.open(null));
    timers.run(HEARTBEAT);
    timers.run(HEARTBEAT);
    stream.send({});
    await reader.next();
    await reader.next();
    expect(reader.heartbeats).toBe(2);
  });

  test("lets go of who does not read, and of nobody else", async () => {
    const { stream } = streamOf({ maxWaitingBytes: 2000 });
    const slow = new Reader(stream.open(null));
    const quick = new Reader(stream.open(null));
    await quick.next();
    for (let n = 0; n < 40; n++) {
      stream.send({ n, padding: "x".repeat(100) });
      expect((await quick.next())!.data["n"]).toBe(n);
    }
    expect(stream.clients).toBe(1);
    const heard: unknown[] = [];
    for (let event = await slow.next(); event !== null; event = await slow.next()) heard.push(event.data["n"]);
    // It got what had been put aside for it, in order, and then the end.
    expect(heard.length).toBeLessThan(25);
    expect(heard.slice(1, 4)).toEqual([0, 1, 2]);
  });

  test("takes so many clients, and another one when one has left", async () => {
    const { stream } = streamOf({ maxClients: 2 });
    const readers = [stream.open(null), stream.open(null)].map((each) => new Reader(each));
    expect(stream.open(null)).toBeNull();
    await readers[0]!.leave();
    expect(stream.open(null)).not.toBeNull();
  });

  test("that is closed ends for everybody, stops its timer and takes nobody", async () => {
    const { stream, timers } = streamOf();
    const reader = new Reader(stream.open(null));
    stream.close();
    await reader.next();
    expect(await reader.next()).toBeNull();
    expect(stream.open(null)).toBeNull();
    expect(timers.count).toBe(0);
    stream.send({});
  });
});

describe("over HTTP", () => {
  let server: Bun.Server<undefined> | null = null;
  afterEach(() => server?.stop(true));

  test("a client hears at once, and one that has gone is forgotten", async () => {
    const { stream } = streamOf();
    server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: (request) =>
        new Response(stream.open(request.headers.get("last-event-id")), { headers: EVENT_STREAM_HEADERS }),
    });
    const leave = new AbortController();
    const reply = await fetch(server.url, { signal: leave.signal });
    expect(reply.headers.get("content-type")).toStartWith("text/event-stream");
    const reader = new Reader(reply.body as ReadableStream<Uint8Array>);
    expect((await reader.next())!.event).toBe("connected");
    stream.send({ n: 1 });
    expect((await reader.next())!.data).toEqual({ n: 1 });
    expect(stream.clients).toBe(1);
    leave.abort();
    await eventually("the client to be forgotten", () => {
      stream.send({ n: 2 });
      return stream.clients === 0;
    });
  });

  test("a client that does not read costs a bounded amount of memory, and is let go", async () => {
    const { stream } = streamOf();
    server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response(stream.open(null)) });
    const socket = await Bun.connect({ hostname: "127.0.0.1", port: server.port!, socket: { data: () => undefined } });
    socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    await eventually("the client", () => stream.clients === 1);
    socket.pause();
    const padding = "x".repeat(50_000);
    let sent = 0;
    await eventually("it to be let go", () => {
      sent++;
      stream.send({ padding });
      return stream.clients === 0;
    });
    // What the kernel keeps for a connection, and a little more.
    expect(sent * padding.length).toBeLessThan(16_000_000);
    socket.end();
  });
});

describe("the streams of the admin API", () => {
  test("tell alerts as they happen, with the time, and nothing else of the bus", async () => {
    const bus = new EventBus({ later: () => undefined });
    const stream = alertStream(bus, () => 1_790_000_000_000, { every: new Timers().every });
    const reader = new Reader(stream.open(null));
    bus.publish({ type: "listener.opened", listener: "web", address: "x" });
    bus.publish({ type: "circuit_breaker.opened", upstream: "api", endpoint: null, reason: "5 failures in a row" });
    expect((await reader.next())!.event).toBe("connected");
    expect(await reader.next()).toMatchObject({
      event: "message",
      data: {
        type: "circuit_breaker.opened",
        upstream: "api",
        endpoint: null,
        reason: "5 failures in a row",
        timestamp: new Date(1_790_000_000_000).toISOString(),
      },
    });
  });

  test("tell the summary every five seconds, and the last one to who comes in between", async () => {
    const timers = new Timers();
    const counters = new Counters(new Float64Array(4 * SLOT_SIZE));
    const clock = { now: () => 0, wall: () => 0 };
    const sampler = new SummarySampler({
      counters,
      requests: { slots: () => [1], forgotten: new SlotTotals() },
      clock,
    });
    const failures: unknown[] = [];
    const { stream, stop } = metricsStream(sampler, { every: timers.every, onError: (error) => failures.push(error) });
    const reader = new Reader(stream.open(null));
    counters.record(exchange());
    await reader.next();
    timers.run(SAMPLE_MS);
    expect(await reader.next()).toMatchObject({ event: "message", data: { summary: { totalRequests: 1 } } });
    const late = new Reader(stream.open(null));
    await late.next();
    expect((await late.next())!.data).toMatchObject({ summary: { totalRequests: 1 } });
    stop();
    expect(await late.next()).toBeNull();
    expect(timers.count).toBe(0);
    expect(failures).toEqual([]);
  });
});
