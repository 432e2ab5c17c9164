import { expect, test } from "bun:test";
import fc from "fast-check";
import { GatewayError } from "../../src/model/gateway-error.ts";
import { end, Rig, type Asked } from "./admissions.ts";

const GONE = new GatewayError("client_closed");
const queue = (max: number, waitMs = 1000) => ({ max, waitMs });

test("whatever comes in whatever order: nobody is answered twice, and at the end nothing is held", () => {
  const step = fc.record({
    what: fc.constantFrom("ask", "ask", "ask", "end", "cancel", "tick", "update", "memory"),
    n: fc.nat(60),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 150 }), fc.nat(2), (steps, best) => {
      const rig = new Rig({ process: 12, route: 9, upstream: 3, queue: queue(4, 30), classes: [best, 2] });
      const all: Asked[] = [];
      for (const { what, n } of steps) {
        const one = all[n % Math.max(1, all.length)];
        if (what === "ask") all.push(rig.ask(n % 3));
        if (what === "end" && one !== undefined) end(one);
        if (what === "cancel") one?.exchange.running?.cancel(GONE);
        if (what === "tick") rig.advance(n);
        if (what === "memory") rig.used = n * 20;
        if (what === "update")
          rig.update({
            process: 12,
            route: 9,
            upstream: 1 + (n % 4),
            queue: queue(n % 6, 10 + n),
            memory: { low: 0.5, all: 0.8 },
            classes: [n % 3],
          });
        const [process, route, upstream] = rig.held as [number, number, number];
        expect(process).toBe(route);
        expect(process).toBeGreaterThanOrEqual(upstream);
        expect(process).toBeLessThanOrEqual(12);
      }
      for (const one of all) end(one);
      expect(rig.held).toEqual([0, 0, 0]);
    }),
  );
});
