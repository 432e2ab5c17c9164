import { describe, expect, test } from "bun:test";
import type { ProxyEvent } from "../../src/model/ports.ts";
import { EventBus } from "../../src/observability/event-bus.ts";

/** A bus whose time a test moves. */
class Stage {
  now = 0;
  readonly #timers: { at: number; run: () => void }[] = [];
  readonly bus: EventBus;
  readonly heard: ProxyEvent[] = [];

  constructor(perSecond = 20) {
    this.bus = new EventBus({
      perSecond,
      now: () => this.now,
      later: (run, ms) => void this.#timers.push({ at: this.now + ms, run }),
    });
  }

  listen(): this {
    this.bus.subscribe(null, (event) => this.heard.push(event));
    return this;
  }

  advance(ms: number): void {
    this.now += ms;
    for (const timer of this.#timers.splice(0)) {
      if (timer.at <= this.now) timer.run();
      else this.#timers.push(timer);
    }
  }

  get types(): string[] {
    return this.heard.map(({ type }) => type);
  }
}

const recovered = (reason = "HTTP 200"): ProxyEvent => ({
  type: "upstream.recovered",
  upstream: "api",
  endpoint: "10.0.0.1:80",
  reason,
});
const overloaded: ProxyEvent = { type: "overloaded", where: "process", reason: "full" };

describe("the event bus", () => {
  test("tells every listener of the types it asked for, in the order of subscription, until it leaves", () => {
    const { bus } = new Stage();
    const heard: string[] = [];
    bus.subscribe(null, ({ type }) => heard.push(`all ${type}`));
    const leave = bus.subscribe(["upstream.recovered"], ({ endpoint }) => heard.push(`one ${endpoint}`));
    bus.publish(recovered());
    bus.publish(overloaded);
    leave();
    leave();
    bus.publish(recovered());
    expect(heard).toEqual(["all upstream.recovered", "one 10.0.0.1:80", "all overloaded", "all upstream.recovered"]);
  });

  test("gives a listener the type it asked for", () => {
    const { bus } = new Stage();
    bus.subscribe(["config.rejected"], (event) => {
      const errors: readonly string[] = event.errors;
      expect(errors).toEqual(["no"]);
      // @ts-expect-error: other events have a reason, this one has none
      expect(event.reason).toBeUndefined();
    });
    bus.publish({ type: "config.rejected", errors: ["no"] });
    expect.assertions(2);
  });

  test("tells so many of a type in a second, and then how many it left out", () => {
    const stage = new Stage(3).listen();
    for (let i = 0; i < 10; i++) stage.bus.publish(recovered());
    expect(stage.types).toEqual(Array.from({ length: 3 }, () => "upstream.recovered"));
    stage.advance(1000);
    expect(stage.heard.at(-1)).toEqual({ type: "events.dropped", of: "upstream.recovered", count: 7 });
    stage.bus.publish(recovered());
    expect(stage.types.at(-1)).toBe("upstream.recovered");
  });

  test("keeps a budget for each type: a storm of one hides no other", () => {
    const stage = new Stage(2).listen();
    for (let i = 0; i < 1000; i++) stage.bus.publish(overloaded);
    stage.bus.publish(recovered());
    expect(stage.types).toEqual(["overloaded", "overloaded", "upstream.recovered"]);
  });

  test("lets no more through in any time than the budget and its reserve", () => {
    const stage = new Stage(5).listen();
    for (let at = 0; at < 10_000; at++) {
      stage.bus.publish(overloaded);
      stage.advance(1);
    }
    const told = stage.types.filter((type) => type === "overloaded").length;
    expect(told).toBeGreaterThanOrEqual(50);
    expect(told).toBeLessThanOrEqual(55);
    expect(stage.types.filter((type) => type === "events.dropped").length).toBeLessThanOrEqual(11);
  });

  test("counts every event that it left out, once", () => {
    const stage = new Stage(1).listen();
    for (let i = 0; i < 2500; i++) {
      stage.bus.publish(overloaded);
      stage.advance(1);
    }
    stage.advance(1000);
    const left = stage.heard.reduce((sum, event) => sum + (event.type === "events.dropped" ? event.count : 0), 0);
    const told = stage.types.filter((type) => type === "overloaded").length;
    expect(left + told).toBe(2500);
  });

  test("survives a listener that throws or rejects, says so, and tells the others", async () => {
    const stage = new Stage();
    const problem = new Error("webhook");
    stage.bus.subscribe(["overloaded"], () => {
      throw problem;
    });
    stage.bus.subscribe(["upstream.recovered"], (async () => {
      throw problem;
    }) as () => void);
    stage.listen();
    stage.bus.publish(overloaded);
    stage.bus.publish(recovered());
    await Promise.resolve();
    const internal = { type: "internal", where: "event listener", error: problem };
    expect(stage.heard).toEqual([internal, overloaded, recovered(), internal] as ProxyEvent[]);
  });

  test("is not driven round by listeners that fail over each other's failures", () => {
    const { bus } = new Stage();
    let calls = 0;
    for (let i = 0; i < 2; i++)
      bus.subscribe(null, () => {
        calls++;
        throw new Error("always");
      });
    bus.publish(overloaded);
    // Each hears of the event and of the other's failure.
    expect(calls).toBe(4);
  });

  test("may be listened to and left while it tells", () => {
    const { bus } = new Stage();
    const heard: string[] = [];
    const leave = bus.subscribe(null, () => {
      leave();
      bus.subscribe(null, () => heard.push("new"));
      heard.push("first");
    });
    bus.subscribe(null, () => heard.push("second"));
    bus.publish(overloaded);
    expect(heard).toEqual(["first", "second"]);
    bus.publish(overloaded);
    expect(heard).toEqual(["first", "second", "second", "new"]);
  });

  test("makes an event only when somebody hears of it", () => {
    const { bus } = new Stage(1);
    let made = 0;
    const make = () => {
      made++;
      return overloaded;
    };
    bus.offer("overloaded", make, null);
    expect(made).toBe(0);
    bus.subscribe(null, () => undefined);
    for (let i = 0; i < 5; i++) bus.offer("overloaded", make, null);
    expect(made).toBe(1);
  });
});
