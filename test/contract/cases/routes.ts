import { expect } from "bun:test";
import { freePort } from "../../kit/free-port.ts";
import { ask, RawClient } from "../../kit/raw-client.ts";
import { RawOrigin } from "../../kit/raw-origin.ts";
import type { ContractCase } from "../stage.ts";

const answering = (body: string) => RawOrigin.start((request) => request.reply({ body }));

export const routes: readonly ContractCase[] = [
  {
    name: "the most specific of host, path, method, header and query wins",
    async run(stage) {
      const respond = (body: string) => ({ respond: { body } });
      const { port } = await stage.gateway({
        routes: [
          { path: "/*", ...respond("any") },
          { path: "/users/*", ...respond("prefix") },
          { path: "/users/:id", ...respond("parameter") },
          { path: "/users/me", ...respond("exact") },
          { path: "/users/me", methods: ["POST"], ...respond("method") },
          { path: "/users/me", headers: { "x-canary": "1" }, ...respond("header") },
          { path: "/users/me", query: { v: "2" }, ...respond("query") },
          { host: "api.example", path: "/*", ...respond("host") },
          { host: "*.wild.example", path: "/*", ...respond("wildcard") },
        ],
      });
      const text = async (target: string, parts: object = {}) => (await ask(port, { target, ...parts })).text;
      expect(await text("/x")).toBe("any");
      expect(await text("/users/7/posts")).toBe("prefix");
      expect(await text("/users")).toBe("prefix");
      expect(await text("/users-old")).toBe("any");
      expect(await text("/users/7")).toBe("parameter");
      expect(await text("/users/me")).toBe("exact");
      expect(await text("/users/m%65")).toBe("exact");
      expect(await text("/users/me", { method: "POST", body: "" })).toBe("method");
      expect(await text("/users/me", { fields: [["X-Canary", "1"]] })).toBe("header");
      expect(await text("/users/me?v=2")).toBe("query");
      expect(await text("/users/me", { host: "API.example:99" })).toBe("host");
      expect(await text("/", { host: "a.b.wild.example" })).toBe("wildcard");
      expect(await text("/", { host: "wild.example" })).toBe("any");
    },
  },
  {
    name: "a split shares requests by weight",
    async run(stage) {
      await using a = await answering("a");
      await using b = await answering("b");
      const upstreams = [
        { name: "a", url: a.url },
        { name: "b", url: b.url },
        { name: "never", url: a.url },
      ];
      const targets = [
        { upstream: "a", weight: 9 },
        { upstream: "b", weight: 1 },
        { upstream: "never", weight: 0 },
      ];
      const { port } = await stage.gateway({ upstreams, routes: [{ path: "/*", split: { targets } }] });
      await using client = await RawClient.connect(port);
      for (let i = 0; i < 1000; i++) {
        client.request({});
        await client.read();
      }
      // Nine standard deviations: 900 ± 85.
      expect(Math.abs(a.requests.length - 900)).toBeLessThan(85);
      expect(a.requests.length + b.requests.length).toBe(1000);
    },
  },
  {
    name: "round robin follows the endpoints' weights exactly",
    async run(stage) {
      await using a = await answering("a");
      await using b = await answering("b");
      const endpoints = [
        { url: a.url, weight: 2 },
        { url: b.url, weight: 1 },
      ];
      const { port } = await stage.gateway({ upstreams: [{ name: "origin", endpoints }] });
      let order = "";
      for (let i = 0; i < 9; i++) order += (await ask(port)).text;
      expect([...order].filter((text) => text === "a")).toHaveLength(6);
      expect(order).not.toContain("aaa");
    },
  },
  {
    name: "an endpoint that refuses is passed over for one that answers",
    async run(stage) {
      const endpoints = [{ url: `http://127.0.0.1:${await freePort()}` }, { url: stage.origin.url }];
      const { port } = await stage.gateway({ upstreams: [{ name: "origin", endpoints }] });
      for (let i = 0; i < 6; i++) expect((await ask(port, { method: "POST", body: "once" })).status).toBe(200);
      expect(stage.origin.requests).toHaveLength(6);
    },
  },
  {
    name: "a sticky cookie keeps a client on its endpoint",
    async run(stage) {
      await using a = await answering("a");
      await using b = await answering("b");
      const endpoints = [{ url: a.url }, { url: b.url }];
      const { port } = await stage.gateway({ upstreams: [{ name: "origin", endpoints, sticky: { cookie: "seat" } }] });
      const first = await ask(port);
      const cookie = first
        .headers("set-cookie")
        .find((value) => value.startsWith("seat="))!
        .split(";")[0]!;
      for (let i = 0; i < 10; i++) {
        const reply = await ask(port, { fields: [["Cookie", `x=1; ${cookie}`]] });
        expect(reply.text).toBe(first.text);
      }
      expect((await ask(port, { fields: [["Cookie", "seat=forged"]] })).status).toBe(200);
    },
  },
  {
    name: "redirect fills in scheme, host, path and query",
    async run(stage) {
      const { port } = await stage.gateway({
        routes: [{ path: "/old/*", redirect: { to: "{scheme}://{host}/new{path}?{query}", status: 308 } }],
      });
      const reply = await ask(port, { target: "/old/x?a=1", host: "shop.example" });
      expect([reply.status, reply.header("location")]).toEqual([308, "http://shop.example/new/old/x?a=1"]);
    },
  },
  {
    name: "respond answers with its status, body and headers",
    async run(stage) {
      const respond = {
        status: 418,
        body: "short and stout ☕",
        headers: { "X-Pot": "tea", "Content-Type": "text/teapot" },
      };
      const { port } = await stage.gateway({ routes: [{ path: "/ping", respond }] });
      const reply = await ask(port, { target: "/ping" });
      expect([reply.status, reply.text, reply.header("x-pot")]).toEqual([418, "short and stout ☕", "tea"]);
      expect(reply.header("content-type")).toBe("text/teapot");
      const head = await ask(port, { target: "/ping", method: "HEAD" });
      expect([head.status, head.body.length]).toEqual([418, 0]);
    },
  },
  {
    name: "preserveHost: false sends the endpoint's own host",
    async run(stage) {
      const { origin } = stage;
      const { port } = await stage.gateway({ routes: [{ path: "/*", upstream: "origin", preserveHost: false }] });
      await ask(port, { host: "shop.example" });
      expect(origin.only.header("host")).toBe(`127.0.0.1:${origin.port}`);
      expect(origin.only.header("x-forwarded-host")).toBe("shop.example");
    },
  },
  {
    name: "a route that requires authentication answers 401 and asks nobody",
    async run(stage) {
      const { port } = await stage.gateway({ routes: [{ path: "/*", upstream: "origin", auth: "required" }] });
      const reply = await ask(port, {
        fields: [
          ["X-API-Key", "guess"],
          ["Authorization", "Bearer guess"],
        ],
      });
      expect([reply.status, reply.json()["code"]]).toEqual([401, "unauthorized"]);
      expect(stage.origin.requests).toHaveLength(0);
    },
  },
  ...(
    [
      ["an address in blockedIPs", { blockedIPs: ["127.0.0.0/8"] }],
      ["a host outside allowedHosts", { allowedHosts: ["api.example.com"] }],
      ["any host when allowedHosts is empty", { allowedHosts: [] }],
    ] as const
  ).map(([what, security]): ContractCase => ({
    name: `${what} is never dialled: 502 upstream_forbidden`,
    async run(stage) {
      const { port } = await stage.gateway({ security });
      const reply = await ask(port);
      expect([reply.status, reply.json()["code"]]).toEqual([502, "upstream_forbidden"]);
      expect(stage.origin.connections).toHaveLength(0);
    },
  })),
  {
    name: "a name that leads to a blocked address is not dialled either",
    async run(stage) {
      const { port } = await stage.gateway({
        upstreams: [{ name: "origin", url: `http://localhost:${stage.origin.port}` }],
        security: { blockedIPs: ["127.0.0.0/8", "::1"] },
      });
      const reply = await ask(port);
      expect([reply.status, reply.json()["code"]]).toEqual([502, "upstream_forbidden"]);
      expect(stage.origin.connections).toHaveLength(0);
    },
  },
  {
    name: "security.headers are added to replies that do not have them",
    async run(stage) {
      const { port } = await stage.gateway({ security: { headers: { "X-Frame-Options": "DENY" } } });
      expect((await ask(port)).header("x-frame-options")).toBe("DENY");
      stage.origin.behaviour = (request) => request.reply({ fields: [["X-Frame-Options", "SAMEORIGIN"]] });
      expect((await ask(port)).headers("x-frame-options")).toEqual(["SAMEORIGIN"]);
    },
  },
  {
    name: "a listener's health path answers on any host without asking anybody",
    async run(stage) {
      const listeners = (port: number) => [
        { name: "web", host: "127.0.0.1", port, edge: stage.edge, health: "/healthz" },
      ];
      const port = await freePort();
      await stage.gateway({ listeners: listeners(port) });
      expect((await ask(port, { target: "/healthz", host: "whatever" })).status).toBe(200);
      expect(stage.origin.requests).toHaveLength(0);
    },
  },
];
