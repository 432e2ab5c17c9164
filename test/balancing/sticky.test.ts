import { expect, test } from "bun:test";
import { RoundRobin } from "../../src/proxy/upstream/balancing/round-robin.ts";
import { Sticky } from "../../src/proxy/upstream/balancing/sticky.ts";
import { exchangeOf } from "../routing/requests.ts";
import { anyExchange, endpointsOf } from "./endpoints.ts";

const endpoints = endpointsOf(1, 1, 1);
const stickyOf = (secret?: string) => new Sticky("SID", endpoints, new RoundRobin(endpoints), secret);
const withCookie = (setCookie: string) => exchangeOf({ headers: { Cookie: `x=1; ${setCookie.split(";")[0]}` } });

test("a client without a cookie is balanced and given one", () => {
  const sticky = stickyOf();
  const endpoint = sticky.pick(endpoints, anyExchange);
  expect(sticky.cookieFor(endpoint, anyExchange)).toMatch(/^SID=[\w-]{16}; Path=\/; HttpOnly; SameSite=Lax$/);
  expect(sticky.pick(endpoints, anyExchange)).not.toBe(endpoint);
});

test("it stays where its cookie says, also after a reload, and gets no second cookie", () => {
  const back = withCookie(stickyOf().cookieFor(endpoints[1]!, anyExchange)!);
  const sticky = stickyOf();
  for (let i = 0; i < 5; i++) expect(sticky.pick(endpoints, back)).toBe(endpoints[1]!);
  expect(sticky.cookieFor(endpoints[1]!, back)).toBeNull();
});

test("it moves, with a new cookie, when its endpoint may not be picked", () => {
  const sticky = stickyOf();
  const back = withCookie(sticky.cookieFor(endpoints[1]!, anyExchange)!);
  const other = sticky.pick([endpoints[0]!, endpoints[2]!], back);
  expect(other).not.toBe(endpoints[1]!);
  expect(sticky.cookieFor(other, back)).toStartWith("SID=");
});

test("a made-up cookie is ignored", () => {
  const sticky = stickyOf();
  const forged = withCookie("SID=__proto__");
  expect(sticky.pick(endpoints, forged)).not.toBe(sticky.pick(endpoints, forged));
});

test("the cookie is Secure over https, names no address, and depends on the secret", () => {
  const cookie = stickyOf().cookieFor(endpoints[0]!, exchangeOf({ scheme: "https" }))!;
  expect(cookie).toEndWith("; Secure");
  expect(cookie).not.toContain(endpoints[0]!.id);
  expect(stickyOf("s").cookieFor(endpoints[0]!, anyExchange)).not.toBe(
    stickyOf().cookieFor(endpoints[0]!, anyExchange),
  );
});
