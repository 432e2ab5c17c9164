import { expect } from "bun:test";
import { ask } from "../../kit/raw-client.ts";
import type { ContractCase } from "../stage.ts";

const KEPT = [
  "/",
  "/plain",
  "/a%2Fb",
  "/a%2fb",
  "/x?a=b%20c&&",
  "/x?",
  "/x;v=1;w=2",
  "/with%20space",
  "/semi;colon?q=/slash?and?more",
  "/%E2%9C%93",
  "/%ff%fe",
  "/percent%25",
  "/~user/(a)'b!*$,=:@",
  "/plus+plus?plus+plus",
  "/x?redirect=http://a.example/b?c=d",
  "/trailing/",
  "/q?a=1&a=2&A=3",
  "/pipe%7Cpipe",
];

const NORMALISED = [
  "/a//b",
  "//double",
  "/a/./b",
  "/a/../b",
  "/a/%2e%2e/b",
  "/back\\slash",
  '/x?q="quoted"',
  "/x?pipe=a|b",
  "/{braces}",
  "/caret^",
  "/bad%zzescape",
];

export const paths: readonly ContractCase[] = [
  ...KEPT.map((target): ContractCase => ({
    name: `the target ${target} goes on byte for byte`,
    async run({ origin, port }) {
      await ask(port, { target });
      expect(origin.only.target).toBe(target);
    },
  })),
  ...NORMALISED.map((target): ContractCase => ({
    name: `the target ${target} goes on byte for byte`,
    skip: { serve: "Bun.serve normalises the target by WHATWG rules and hides the raw one" },
    async run({ origin, port }) {
      await ask(port, { target });
      expect(origin.only.target).toBe(target);
    },
  })),
  {
    name: "a target of 6000 bytes goes on byte for byte",
    async run({ origin, port }) {
      const target = `/long?q=${"x".repeat(6000)}`;
      await ask(port, { target });
      expect(origin.only.target).toBe(target);
    },
  },
  {
    name: "stripPath cuts the prefix and keeps what follows as it came",
    async run(stage) {
      const { port } = await stage.gateway({ routes: [{ path: "/users/*", upstream: "origin", stripPath: "/users" }] });
      for (const target of ["/users/7%2F8?x=%20", "/users", "/users/"]) await ask(port, { target });
      expect(stage.origin.requests.map((request) => request.target)).toEqual(["/7%2F8?x=%20", "/", "/"]);
    },
  },
  {
    name: "rewritePath puts parameters into a path of its own and keeps the query",
    async run(stage) {
      const { port } = await stage.gateway({
        routes: [{ path: "/users/:id", upstream: "origin", rewritePath: "/v2/people/:id" }],
      });
      await ask(port, { target: "/users/7?full=1" });
      expect(stage.origin.only.target).toBe("/v2/people/7?full=1");
    },
  },
  {
    name: "an endpoint's own path is put before every forwarded path",
    async run(stage) {
      const { port } = await stage.gateway({ upstreams: [{ name: "origin", url: `${stage.origin.url}/base` }] });
      await ask(port, { target: "/x?y" });
      expect(stage.origin.only.target).toBe("/base/x?y");
    },
  },
];
