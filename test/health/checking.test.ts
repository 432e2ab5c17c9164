import { expect, test } from "bun:test";
import type { EndpointVerdict } from "../../src/proxy/upstream/health/health-registry.ts";
import { ActiveChecker } from "../../src/control/health/active-checker.ts";
import { createProbes } from "../../src/control/health/create-probe.ts";
import { parseStatusRange } from "../../src/control/health/status-ranges.ts";
import { DialGuard } from "../../src/proxy/upstream/dial-guard.ts";
import { eventually } from "../kit/eventually.ts";
import { freePort } from "../kit/free-port.ts";
import { RawOrigin } from "../kit/raw-origin.ts";
import { checkedUpstream, httpCheck } from "./checked-upstreams.ts";

const clock = { now: () => performance.now(), wall: () => Date.now() };

function checkerWith(verdicts: EndpointVerdict[]): ActiveChecker {
  const createProbe = createProbes(new DialGuard([], null, clock.now));
  return new ActiveChecker({ clock, random: Math.random, createProbe, onVerdict: (verdict) => verdicts.push(verdict) });
}

test("sick endpoints of every kind are found among healthy ones, and found again when they are well", async () => {
  await using well = await RawOrigin.start();
  await using hangs = await RawOrigin.start((request) => request.aborted.then(() => undefined));
  await using garbage = await RawOrigin.start((request) => request.write("\0\x01\x02\r\n\r\n"));
  await using resets = await RawOrigin.start((request) => request.reset());
  await using flaps = await RawOrigin.start((request) => request.reply({ status: 503 }));
  const ports = [well.port, hangs.port, garbage.port, resets.port, await freePort(), flaps.port];
  const verdicts: EndpointVerdict[] = [];
  const checker = checkerWith(verdicts);
  const active = httpCheck({ intervalMs: 50, timeoutMs: 400, healthyAfter: 2, unhealthyAfter: 2 });
  checker.update([checkedUpstream({ ports, active })]);
  const saysOf = (port: number) => verdicts.filter((v) => v.endpoint.endsWith(`:${port}`)).map((v) => v.healthy);
  checker.start();
  try {
    await eventually("a verdict on each", () => new Set(verdicts.map((v) => v.endpoint)).size === ports.length);
    for (const port of ports) expect([port, saysOf(port)[0]]).toEqual([port, port === well.port]);
    for (const [status, healthy] of [
      [200, true],
      [503, false],
      [204, true],
    ] as const) {
      flaps.behaviour = (request) => request.reply({ status });
      await eventually(`a change to ${healthy}`, () => saysOf(flaps.port).at(-1) === healthy);
    }
    expect(saysOf(flaps.port)).toEqual([false, true, false, true]);
    expect(saysOf(resets.port)).toEqual([false]);
  } finally {
    checker.stop();
  }
  // Nothing is asked any more once it has stopped.
  for (const run of checker.statuses()) expect(run.verdict).not.toBeNull();
});

test("expected statuses are numbers, families or ranges", () => {
  expect(["200", "2xx", "5XX", "200-299", " 301 - 302 "].map(parseStatusRange)).toEqual([
    [200, 200],
    [200, 299],
    [500, 599],
    [200, 299],
    [301, 302],
  ]);
  for (const wrong of ["", "20", "6xx", "xxx", "0200", "299-200", "200-", "99", "600", "200,201"])
    expect(parseStatusRange(wrong)).toContain("expected a status such as 200");
});
