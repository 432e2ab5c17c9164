import { describe, expect, test } from "bun:test";
import { errorsOf, withUpstream } from "./config-files.ts";

test("all mistakes are told at once, in the order of the file, with line, column, path and a hint", async () => {
  const yaml = `listners: []
proxy: { port: 99999 }
upstreams:
  - name: a
    url: http://127.0.0.1:9001
    timeout: 5 parsecs
routes:
  - path: /x
    upstream: aa
`;
  expect(await errorsOf(yaml)).toEqual([
    '1:1  listners  unknown key "listners" (did you mean "listeners"?)',
    "2:16  proxy.port  expected a whole number from 0 to 65535, got 99999",
    '6:14  upstreams.0.timeout  expected a duration such as 5s or 500 (ms), more than 0, got "5 parsecs"',
    '9:15  routes.0.upstream  no upstream is called "aa" (did you mean "a"?)',
  ]);
});

const route = (fields: string) => withUpstream(`routes: [{ ${fields} }]`);

describe("each mistake has its message", () => {
  test.each([
    ["a bad scheme", "upstreams: [{ name: a, url: ftp://x }]", "scheme ftp is not http, https or unix"],
    ["no scheme", "upstreams: [{ name: a, url: localhost:80 }]", "it starts with http://"],
    ["credentials", "upstreams: [{ name: a, url: http://u:secret@h/ }]", "no credentials"],
    ["a query", "upstreams: [{ name: a, url: 'http://h/?x' }]", "no query or fragment"],
    ["a space in a URL", "upstreams: [{ name: a, url: 'http://h /' }]", "no spaces"],
    ["a port out of range", "upstreams: [{ name: a, url: 'http://h:99999' }]", "bad URL"],
    ["a relative socket", "upstreams: [{ name: a, url: 'unix:x.sock' }]", "expected unix:/path/to.sock"],
    ["no endpoints", "upstreams: [{ name: a }]", "an upstream needs endpoints"],
    ["url and endpoints", "upstreams: [{ name: a, url: http://h, endpoints: [{ url: http://i }] }]", "not both"],
    [
      "the same endpoint twice",
      "upstreams: [{ name: a, endpoints: [{ url: http://h }, { url: http://H:80/ }] }]",
      "in the list already",
    ],
    ["a name with a slash", "upstreams: [{ name: a/b, url: http://h }]", "expected a name"],
    [
      "two upstreams of a name",
      "upstreams: [{ name: a, url: http://h }, { name: a, url: http://i }]",
      'another upstream is called "a"',
    ],
    [
      "an authority for http3",
      "upstreams: [{ name: a, url: https://h, protocol: http3, tls: { serverName: b } }]",
      "http3 upstreams cannot have tls.serverName yet",
    ],
    ["http2 to http", "upstreams: [{ name: a, url: http://h, protocol: http2 }]", "http2 needs https endpoints"],
    [
      "a misspelt policy",
      "upstreams: [{ name: a, url: http://h, balance: round-robbin }]",
      'did you mean "round-robin"?',
    ],
    [
      "a negative weight",
      "upstreams: [{ name: a, endpoints: [{ url: http://h, weight: -1 }] }]",
      "expected a whole number from 0",
    ],
    ["a zero timeout", "upstreams: [{ name: a, url: http://h, timeout: 0 }]", "more than 0"],
    [
      "half a client certificate",
      "upstreams: [{ name: a, url: https://h, tls: { cert: c.pem } }]",
      "both cert and key",
    ],
    ["no action", "routes: [{ path: / }]", "a route needs something to do"],
    [
      "two actions",
      route("path: /, upstream: a, respond: { body: x }"),
      "a route does one thing, not upstream and respond",
    ],
    ["a path without slash", route("path: x, upstream: a"), 'a path starts with "/"'],
    ["a star inside", route('path: "/a/*/b", upstream: a'), '"*" stands only at the end'],
    ["a star in a word", route('path: "/a*", upstream: a'), '"*" stands only at the end'],
    ["a parameter twice", route("path: '/:id/:id', upstream: a"), "the parameter :id stands twice"],
    ["a nameless parameter", route("path: '/:', upstream: a"), "is not a parameter"],
    ["dot segments", route("path: /a/../b, upstream: a"), "no dot segments"],
    ["a query in a path", route("path: '/a?b', upstream: a"), "no query or fragment"],
    [
      "a stripPath from elsewhere",
      route("path: /users/*, stripPath: /use, upstream: a"),
      "is not the beginning of the route's path",
    ],
    ["strip and rewrite", route("path: /u/*, stripPath: /u, rewritePath: /v, upstream: a"), "not both"],
    ["an unknown parameter", route("path: '/u/:id', rewritePath: '/v/:ix', upstream: a"), 'did you mean ":id"?'],
    ["a star of nothing", route("path: /u, rewritePath: '/v/*', upstream: a"), "/u has none"],
    ["an unknown placeholder", route('path: /u, redirect: { to: "/{pth}" }'), "{pth} is not known here"],
    ["CR LF in a Location", route('path: /u, redirect: { to: "/a\\r\\nX: y" }'), "cannot stand in a Location"],
    [
      "CR LF out of U+010D U+010A",
      route('path: /u, redirect: { to: "/a\\u010d\\u010a" }'),
      "cannot stand in a Location",
    ],
    ["CR LF in a header", route('path: /u, respond: { headers: { x: "a\\r\\nb" } }'), "cannot stand in a header"],
    ["U+010D in a reply header", 'security: { headers: { x: "\\u010d" } }', "cannot stand in a header"],
    ["a NUL in a header", route('path: /u, respond: { headers: { x: "a\\0" } }'), "cannot stand in a header"],
    ["a framing header", route('path: /u, respond: { headers: { Content-Length: "3" } }'), "frames the message"],
    ["a bad header name", route('path: /u, respond: { headers: { "a b": x } }'), "is not a header name"],
    ["a header twice", "security: { headers: { a: x, A: y } }", "stands twice"],
    ["a bad regex", route('path: /u, headers: { x: { regex: "(" } }, upstream: a'), "not a regular expression"],
    ["an informational status", route("path: /u, respond: { status: 101 }"), "from 200 to 599"],
    ["a forward field on respond", route("path: /u, respond: {}, stripPath: /u"), "means nothing"],
    ["an empty split", route("path: /u, split: { targets: [] }"), "a split needs targets"],
    ["a split of zeros", route("path: /u, split: { targets: [{ upstream: a, weight: 0 }] }"), "every weight is 0"],
    ["an unknown split target", route("path: /u, split: { targets: [{ upstream: b }] }"), 'no upstream is called "b"'],
    ["a host with a port", route("host: 'a.b:80', upstream: a"), "without a port"],
    ["a star inside a host", route("host: 'a.*.b', upstream: a"), "at the start"],
    ["an empty host list", route("host: [], upstream: a"), "is an empty list"],
    [
      "an unknown listener",
      route("listeners: [wab], upstream: a") + "\nlisteners: [{ name: web, port: 1 }]",
      'did you mean "web"?',
    ],
    [
      "two routes of a name",
      withUpstream("routes: [{ name: r, path: /a, upstream: a }, { name: r, path: /b, upstream: a }]"),
      'another route is called "r"',
    ],
    ["auth without a value", route("path: /, upstream: a, auth: "), "has no value"],
    ["a misspelt auth", route("path: /, upstream: a, auth: requird"), 'did you mean "required"?'],
    ["an empty allow-list by accident", "security:\n  allowedHosts:\n", "has no value"],
    ["a bad CIDR", "security: { blockedIPs: [10.0.0.0/33] }", "expected an address or CIDR block"],
    ["a bad trusted proxy", "trustedProxies: [localhost]", "expected an address or CIDR block"],
    ["an address twice", "listeners: [{ port: 1 }, { port: 1 }]", "0.0.0.0:1 is taken by listeners.0 already"],
    [
      "an address twice, by proxy",
      "proxy: { port: 1 }\nlisteners: [{ port: 1 }]",
      "0.0.0.0:1 is taken by proxy already",
    ],
    ["a listener without port", "listeners: [{ name: web }]", '"port" is missing'],
    ["no listeners", "listeners: []", "nothing to listen on"],
    ["a bad bind address", "listeners: [{ host: 300.1.1.1, port: 1 }]", "expected an address"],
    ["http2 without tls", "listeners: [{ port: 1, http2: true }]", "http2 needs tls"],
    ["a rate above one", "logging: { sampling: { successRate: 2 } }", "from 0 to 1"],
    ["no such level", "logging: { level: wran }", 'did you mean "warn"?'],
    ["a list that is none", "upstreams: { name: a }", "expected a list"],
    ["a map that is none", "proxy: 8080", "expected a map"],
    ["zero workers", "workers: 0", "from 1 to 1024, or auto"],
    ["a later key of the wrong type", "admin: { port: high }", "expected a whole number"],
    ["an unknown later key", "discovery: { doker: {} }", 'did you mean "docker"?'],
    ["a typo far from everything", "upstreams: [{ name: a, url: http://h, zzzzzzzz: 1 }]", 'unknown key "zzzzzzzz"'],
  ])("%s", async (_, yaml, message) => {
    const errors = await errorsOf(yaml);
    expect(errors.length).toBe(1);
    expect(errors[0]).toContain(message);
    expect(errors[0]).toMatch(/^\d+:\d+ {2}/);
  });
});
