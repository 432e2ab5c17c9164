import { describe, expect, test } from "bun:test";
import { chosen } from "./requests.ts";

const PUBLIC_AND_ADMIN = [{ path: "/public/*" }, { path: "/admin/*" }];
const AND_THE_REST = [...PUBLIC_AND_ADMIN, { path: "/*" }];

describe("a request whose readings lead to different routes is refused", () => {
  test.each([
    "/public/../admin",
    "/public/../admin/x",
    "/public/%2e%2e/admin",
    "/public/.%2E/admin",
    "/public/..%2fadmin",
    "/public/..%2Fadmin",
    "/public%2f..%2fadmin",
    "/public/x%2f..%2f..%2fadmin",
    "/public/..\\admin",
    "/public/..%5cadmin",
    "/public/.//..//admin",
    "//admin",
    "//admin/x",
    "/./admin",
    "/x/../admin",
    "/\\admin",
    "/%2fadmin",
    "/%2e/admin",
    "/admin/../x",
    "/admin/..",
    "/admin%2fx",
    "/admin\\x",
  ])("%s", (target) => {
    expect(chosen(AND_THE_REST, { target })).toBe("ambiguous");
  });

  test("leaving what a route exposes counts, even if nothing is configured there", () => {
    expect(chosen(PUBLIC_AND_ADMIN, { target: "/public/../secret" })).toBe("ambiguous");
    expect(chosen(PUBLIC_AND_ADMIN, { target: "/public/..%2fsecret" })).toBe("ambiguous");
    expect(chosen(PUBLIC_AND_ADMIN, { target: "/x/../public/y" })).toBe("ambiguous");
  });

  test("on a host of its own, too", () => {
    const routes = [{ path: "/*" }, { path: "/admin", hosts: ["example.com"] }];
    expect(chosen(routes, { target: "/a/../admin" })).toBe("ambiguous");
    expect(chosen(routes, { target: "/a/../admin", host: "other.com" })).toBe("/*");
  });

  test("an encoded slash that would make another route's path", () => {
    expect(chosen([{ path: "/users/:id" }, { path: "/users/:id/keys" }], { target: "/users/5%2Fkeys" })).toBe(
      "ambiguous",
    );
  });
});

describe("a request whose readings agree goes on", () => {
  test.each([
    ["/public/a/../b", "/public/*"],
    ["/public//a", "/public/*"],
    ["/public/a%2Fb", "/public/*"],
    ["/public/./a", "/public/*"],
    ["/public/http://x.example/", "/public/*"],
    ["/public/...", "/public/*"],
    ["/public/.well-known/x", "/public/*"],
    ["/public/a..b", "/public/*"],
    ["/public/;x=/../admin/", "/public/*"],
    ["/public/%252e%252e/admin", "/public/*"],
    ["/%61dmin/x", "/admin/*"],
    ["/admin?x=/../public", "/admin/*"],
    ["/.hidden", "/*"],
  ])("%s to %s", (target, expected) => {
    expect(chosen(AND_THE_REST, { target })).toBe(expected);
  });

  test("an encoded slash in a parameter is part of its value when no other route claims it", () => {
    expect(chosen([{ path: "/projects/:id" }], { target: "/projects/group%2Fname" })).toBe("/projects/:id");
    expect(chosen([{ path: "/projects/:id" }], { target: "/projects/..%2Fname" })).toBe("ambiguous");
  });

  test("everything does where one route takes everything", () => {
    for (const target of ["/a/../b", "//", "/..", "/%2f..\\.", "/../../etc/passwd"])
      expect(chosen([{ path: "/*" }], { target })).toBe("/*");
  });
});
