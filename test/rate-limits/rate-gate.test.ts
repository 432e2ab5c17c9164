import { describe, expect, test } from "bun:test";
import { HeaderMap } from "../../src/model/header-map.ts";
import { failureReply } from "../../src/proxy/failure-reply.ts";
import { addRateLimitFields } from "../../src/proxy/limits/rate-fields.ts";
import { checkNow, exchangeFor, limitSpec, RateRig } from "./rate-rig.ts";

const fieldsOf = (exchange: ReturnType<typeof exchangeFor>) => {
  const headers = new HeaderMap();
  addRateLimitFields(headers, exchange);
  return Object.fromEntries(headers);
};

describe("the gate", () => {
  test("costs a route without limits nothing", () => {
    const gate = new RateRig().gate();
    expect(gate.compile([])).toBeNull();
    expect(gate.global).toBeNull();
    expect(fieldsOf(exchangeFor())).toEqual({});
  });

  test("lets a limit's requests through, refuses the next, and lets one through again when it is due", () => {
    const rig = new RateRig();
    const gate = rig.gate();
    const limits = gate.compile([limitSpec({ max: 2, windowMs: 60_000 })])!.early!;
    const check = () => checkNow(gate, limits, exchangeFor())?.kind ?? "passed";
    expect([check(), check(), check()]).toEqual(["passed", "passed", "rate_limited"]);
    rig.now += 30_000;
    expect([check(), check()]).toEqual(["passed", "rate_limited"]);
  });

  test("counts each client by itself", () => {
    const gate = new RateRig().gate();
    const limits = gate.compile([limitSpec({ max: 1 })])!.early!;
    for (const clientIp of ["192.0.2.1", "192.0.2.2", "2001:db8::1"]) {
      expect(checkNow(gate, limits, exchangeFor({ clientIp }))).toBeNull();
      expect(checkNow(gate, limits, exchangeFor({ clientIp }))).not.toBeNull();
    }
  });

  test("divides limits into those before and those after authentication, each in order", () => {
    const names = (list: readonly { limit: { name: string } }[] | null) => list?.map(({ limit }) => limit.name);
    const { early, late } = new RateRig()
      .gate()
      .compile([
        limitSpec({ name: "1", by: [{ kind: "identity" }] }),
        limitSpec({ name: "2" }),
        limitSpec({ name: "3", by: [{ kind: "header", name: "x" }, { kind: "route" }] }),
        limitSpec({ name: "4", by: [{ kind: "clientIp" }, { kind: "claim", name: "org" }] }),
      ])!;
    expect(names(early)).toEqual(["2", "3"]);
    expect(names(late)).toEqual(["1", "4"]);
    expect(new RateRig().gate().compile([limitSpec({ by: [{ kind: "identity" }] })])!.early).toBeNull();
    expect(new RateRig().gate().compile([limitSpec()])!.late).toBeNull();
  });

  test("asks in order: the first that refuses ends it, and those after it count nothing", () => {
    const gate = new RateRig().gate();
    const [first, second] = [limitSpec({ name: "first", max: 1 }), limitSpec({ name: "second", max: 5 })];
    const both = gate.compile([first, second])!.early!;
    expect(checkNow(gate, both, exchangeFor())).toBeNull();
    const refused = exchangeFor();
    expect(checkNow(gate, both, refused)!.detail).toBe("limit first, by clientIp");
    const alone = exchangeFor();
    checkNow(gate, gate.compile([second])!.early!, alone);
    expect(alone.rate!.remaining).toBe(3);
  });

  test("keeps the global limit apart from those of routes", () => {
    const gate = new RateRig().gate({ global: limitSpec({ name: "global", max: 1 }) });
    const own = gate.compile([limitSpec({ name: "own", max: 1 })])!.early!;
    expect(checkNow(gate, gate.global!, exchangeFor())).toBeNull();
    expect(checkNow(gate, own, exchangeFor())).toBeNull();
    expect(checkNow(gate, gate.global!, exchangeFor())).not.toBeNull();
  });

  test("goes on counting over versions where the name stays, whatever else changes", () => {
    const rig = new RateRig();
    const spend = (parts: Parameters<typeof limitSpec>[0]) => {
      const gate = rig.gate();
      const exchange = exchangeFor();
      const refusal = checkNow(gate, gate.compile([limitSpec({ name: "kept", ...parts })])!.early!, exchange);
      return refusal === null ? exchange.rate!.remaining : "refused";
    };
    expect([spend({ max: 2 }), spend({ max: 2 }), spend({ max: 2 })]).toEqual([1, 0, "refused"]);
    expect(spend({ max: 2, message: "new words" })).toBe("refused");
    expect(spend({ max: 2, name: "another" })).toBe(1);
    // One minute of 4 is two of 2.
    expect(spend({ max: 4, windowMs: 120_000 })).toBe(1);
  });
});

describe("a refusal", () => {
  const refuse = (parts: Parameters<typeof limitSpec>[0]) => {
    const rig = new RateRig();
    const gate = rig.gate();
    const limits = gate.compile([limitSpec({ max: 1, ...parts })])!.early!;
    checkNow(gate, limits, exchangeFor());
    rig.now += 500;
    const exchange = exchangeFor({ route: "api" });
    return { refusal: checkNow(gate, limits, exchange)!, exchange, rig };
  };

  test("answers 429 with the time after which the next one passes, and the limit's own words", async () => {
    const { refusal } = refuse({ windowMs: 10_000, message: "slow down, please" });
    const reply = failureReply(refusal, "id");
    expect(reply.status).toBe(429);
    expect(reply.headers.getAll("retry-after")).toEqual(["10"]);
    const problem = JSON.parse(new TextDecoder().decode(await reply.body!.bytes(4096)));
    expect(problem).toMatchObject({ code: "rate_limited", detail: "slow down, please" });
  });

  test("tells a client nothing of the limit without such words", async () => {
    const { refusal } = refuse({ name: "internal-name" });
    const text = new TextDecoder().decode(await failureReply(refusal, "id").body!.bytes(4096));
    expect(text).not.toContain("internal-name");
    expect(JSON.parse(text)).not.toHaveProperty("detail");
  });

  test("shows the limit that refused", () => {
    const { exchange } = refuse({ name: "strict", windowMs: 10_000 });
    expect(fieldsOf(exchange)).toEqual({ "RateLimit-Policy": '"strict";q=1;w=10', RateLimit: '"strict";r=0;t=10' });
  });

  test("is told with what the limit counts by and never with whom", () => {
    const { rig } = refuse({ name: "strict", by: [{ kind: "clientIp" }, { kind: "header", name: "x-key" }] });
    expect(rig.events).toEqual([
      {
        type: "rate_limit.exceeded",
        limit: "strict",
        route: "api",
        by: "clientIp+header:x-key",
        requestId: "id",
        mode: "enforce",
      },
    ]);
  });
});

describe("the fields of a reply", () => {
  test("speak of the limit with the least left, in whichever order they stand", () => {
    const [wide, narrow] = [limitSpec({ name: "wide", max: 10 }), limitSpec({ name: "narrow", max: 5 })];
    for (const specs of [
      [wide, narrow],
      [narrow, wide],
    ]) {
      const gate = new RateRig().gate();
      const exchange = exchangeFor();
      checkNow(gate, gate.compile(specs)!.early!, exchange);
      expect(fieldsOf(exchange)).toEqual({ "RateLimit-Policy": '"narrow";q=5;w=60', RateLimit: '"narrow";r=4;t=12' });
    }
  });

  test("speak, where as much is left of both, of the one that takes longer to be whole", () => {
    const gate = new RateRig().gate();
    const exchange = exchangeFor();
    const specs = [limitSpec({ name: "minute", max: 5 }), limitSpec({ name: "hour", max: 5, windowMs: 3_600_000 })];
    checkNow(gate, gate.compile(specs)!.early!, exchange);
    expect(fieldsOf(exchange).RateLimit).toBe('"hour";r=4;t=720');
  });

  test("stand beside what an upstream says of its own limits", () => {
    const gate = new RateRig().gate();
    const exchange = exchangeFor();
    checkNow(gate, gate.compile([limitSpec({ name: "ours", max: 2 })])!.early!, exchange);
    const headers = new HeaderMap(["RateLimit"], ['"theirs";r=1;t=1']);
    addRateLimitFields(headers, exchange);
    expect(headers.get("ratelimit")).toBe('"theirs";r=1;t=1, "ours";r=1;t=30');
  });
});

describe("a shadow limit", () => {
  test("counts and tells, refuses nothing and shows nothing", () => {
    const rig = new RateRig();
    const gate = rig.gate();
    const limits = gate.compile([limitSpec({ name: "trial", max: 1, mode: "shadow" })])!.early!;
    const exchanges = [exchangeFor(), exchangeFor(), exchangeFor()];
    expect(exchanges.map((exchange) => checkNow(gate, limits, exchange))).toEqual([null, null, null]);
    expect(exchanges.map(fieldsOf)).toEqual([{}, {}, {}]);
    expect(rig.events.map((event) => "mode" in event && event.mode)).toEqual(["shadow", "shadow"]);
  });

  test("does not keep the limits after it from being asked", () => {
    const gate = new RateRig().gate();
    const trial = limitSpec({ name: "trial", max: 1, mode: "shadow" });
    const limits = gate.compile([trial, limitSpec({ name: "real", max: 2 })])!.early!;
    const refusals = [1, 2, 3].map(() => checkNow(gate, limits, exchangeFor())?.detail ?? null);
    expect(refusals).toEqual([null, null, "limit real, by clientIp"]);
  });
});

describe("with counts in Redis", () => {
  test("each limit is asked after the one before it has allowed, and the refusal comes when it is known", () => {
    const rig = new RateRig();
    const gate = rig.redisGate();
    const limits = gate.compile([limitSpec({ name: "a", max: 2 }), limitSpec({ name: "b", max: 1 })])!.early!;
    const heard: unknown[] = [];
    for (let i = 0; i < 2; i++) gate.check(limits, exchangeFor(), (refusal) => heard.push(refusal?.detail ?? null));
    expect([rig.slow.waiting.length, heard.length]).toEqual([2, 0]);
    rig.slow.answer();
    expect([rig.slow.waiting.length, heard.length]).toEqual([2, 0]);
    rig.slow.answer();
    expect(heard).toEqual([null, "limit b, by clientIp"]);
  });

  test("what a client wrote leaves this process as a hash only", () => {
    const rig = new RateRig();
    const gate = rig.redisGate();
    const limits = gate.compile([limitSpec({ by: [{ kind: "header", name: "x-api-key" }] })])!.early!;
    gate.check(limits, exchangeFor({ headers: { "x-api-key": "s3cr3t" } }), () => undefined);
    expect(rig.slow.keys.length).toBe(1);
    expect(rig.slow.keys.join()).not.toContain("s3cr3t");
  });

  test("one request that breaks leaves those of the same answer alone", () => {
    const rig = new RateRig();
    const gate = rig.redisGate();
    const limits = gate.compile([limitSpec({ max: 5 })])!.early!;
    let passed = 0;
    gate.check(limits, exchangeFor(), () => {
      throw new Error("broken");
    });
    gate.check(limits, exchangeFor(), () => passed++);
    rig.slow.answer();
    expect(passed).toBe(1);
    expect(rig.events.map(({ type }) => type)).toEqual(["internal"]);
  });

  test("a version lets go of the Redis it used, and without one of nothing", () => {
    const rig = new RateRig();
    const [one, two] = [rig.redisGate(), rig.redisGate()];
    expect(rig.slow.users).toBe(2);
    one.retire();
    expect(rig.slow.users).toBe(1);
    two.retire();
    rig.gate().retire();
    expect(rig.slow.users).toBe(0);
  });
});
