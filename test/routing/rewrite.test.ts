import { describe, expect, test } from "bun:test";
import { redirectLocation, rewriteTarget } from "../../src/proxy/routing/rewrite.ts";
import type { ForwardSpec } from "../../src/proxy/routing/route.ts";
import { RouteMatcher } from "../../src/proxy/routing/route-matcher.ts";
import { exchangeOf, routeOf } from "./requests.ts";

const BARE: ForwardSpec = {
  kind: "forward",
  targets: [],
  splitBy: null,
  stripPath: null,
  rewritePath: null,
  preserveHost: null,
};

function rewritten(path: string, change: Partial<ForwardSpec>, target: string, basePath = ""): string {
  const exchange = exchangeOf({ target });
  new RouteMatcher([routeOf({ path })]).match(exchange);
  return rewriteTarget(exchange, { ...BARE, ...change }, path, basePath);
}

describe("stripPath", () => {
  test.each([
    ["/users", "/users/5?x=1", "/5?x=1"],
    ["/users", "/users", "/"],
    ["/users", "/users?x", "/?x"],
    ["/users", "/users/", "/"],
    ["/users/", "/users/5", "/5"],
    ["/users/*", "/users/5", "/5"],
    ["/users", "/users-old", "/users-old"],
    ["/users", "/other/users/5", "/other/users/5"],
    ["/users", "/us%65rs/a%2Fb%20c", "/a%2Fb%20c"],
    ["/a/b", "/a%2fb/c", "/a%2fb/c"],
    ["/", "/x/y", "/x/y"],
    ["/t/:id", "/t/7/x", "/x"],
    ["/users", "*", "*"],
  ])("%s of %s leaves %s", (stripPath, target, expected) => {
    expect(rewritten("/*", { stripPath }, target)).toBe(expected);
  });

  test("basePath goes in front", () => {
    expect(rewritten("/users/*", { stripPath: "/users" }, "/users/5?x", "/v1")).toBe("/v1/5?x");
  });
});

describe("rewritePath", () => {
  test.each([
    ["/old/*", "/new/*", "/old/a%2Fb/c?x=1", "/new/a%2Fb/c?x=1"],
    ["/old/*", "/new/*", "/old", "/new"],
    ["/old/*", "/new/*", "/old/", "/new/"],
    ["/old/*", "/*", "/old", "/"],
    ["/old/*", "/fixed", "/old/x?y", "/fixed?y"],
    ["/old/*", "/search?path=*", "/old/x?y=1", "/search?path=x&y=1"],
    ["/u/:id/posts/:post", "/p/:post/of/:id", "/u/J%C3%BC/posts/7?q", "/p/7/of/J%C3%BC?q"],
    ["/u/:id/*", "/:id/*", "/u/5/a/b", "/5/a/b"],
    ["/old", "/caf\u00e9", "/old", "/caf%C3%A9"],
    ["/old", "/:unknown", "/old", "/:unknown"],
  ])("%s as %s turns %s into %s", (path, rewritePath, target, expected) => {
    expect(rewritten(path, { rewritePath }, target)).toBe(expected);
  });
});

describe("a redirect", () => {
  const location = (to: string, target: string, host = "a.example", path = "/*") => {
    const exchange = exchangeOf({ target, host });
    new RouteMatcher([routeOf({ path })]).match(exchange);
    return redirectLocation(to, exchange);
  };

  test.each([
    ["{scheme}://{host}/new{path}", "/old/x?y=1", "http://a.example/new/old/x"],
    ["https://{authority}{path}?{query}", "/x?y=1", "https://a.example/x?y=1"],
    ["https://{authority}{path}?{query}", "/x", "https://a.example/x"],
    ["/q/{query}", "/x?y=1", "/q/y=1"],
    ["/caf\u00e9{path}", "/x", "/caf%C3%A9/x"],
    ["//cdn.example{path}", "/x", "//cdn.example/x"],
    ["/{unknown}", "/x", "/{unknown}"],
  ])("to %s for %s is %s", (to, target, expected) => {
    expect(location(to, target)).toBe(expected);
  });

  test.each([
    ["{path}", "//evil.example/x", "/evil.example/x"],
    ["{path}", "/\\evil.example", "/%5Cevil.example"],
    ["/{path}", "/evil.example", "/evil.example"],
    ["{scheme}://{host}{path}", "*", "http://a.example/"],
    ["{path}", "/a\r\nSet-Cookie: x", "/a%0D%0ASet-Cookie:%20x"],
    ["{path}", '/\xe9"<', "/%E9%22%3C"],
  ])("to %s for %j cannot be led astray", (to, target, expected) => {
    expect(location(to, target)).toBe(expected);
  });

  test("encodes parameters", () => {
    expect(location("/{param.to}", "/r/%2Fevil.example%0D", "a.example", "/r/:to")).toBe("/%2Fevil.example%0D");
  });

  test("puts IPv6 addresses in brackets", () => {
    expect(location("http://{host}/", "/", "::1")).toBe("http://[::1]/");
  });
});
