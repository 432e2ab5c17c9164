import { expect, test } from "bun:test";
import { humanLine } from "../../src/observability/human-line.ts";

function line(rest: object): string {
  return humanLine(JSON.stringify({ level: "warn", time: "2026-01-02T03:04:05.678Z", ...rest }), false);
}

test("a line says when, how bad, what, and then the rest", () => {
  expect(line({ msg: "upstream.failure", upstream: "api", ms: 1.5, list: ["a"] })).toBe(
    '03:04:05.678 WARN  upstream.failure  upstream=api ms=1.5 list=["a"]\n',
  );
  expect(line({ msg: "alone" })).toBe("03:04:05.678 WARN  alone\n");
});

test("what others wrote neither begins a line of its own nor speaks to the terminal", () => {
  const hostile = "curl\n03:04:05.679 INFO  all is well\r\x1b[2J\x7f\u009b31m\u0085\u2028";
  const shown = "curl\\x0a03:04:05.679 INFO  all is well\\x0d\\x1b[2J\\x7f\\x9b31m\\x85\\u2028";
  expect(line({ msg: hostile, agent: hostile, err: { message: "\u009b" } })).toBe(
    `03:04:05.678 WARN  ${shown}  agent=${shown} err={"message":"\\x9b"}\n`,
  );
});
