import { expect } from "bun:test";
import type { FieldList } from "../../kit/http-message.ts";
import { ask } from "../../kit/raw-client.ts";
import type { ContractCase } from "../stage.ts";

const TRUSTING = { trustedProxies: ["127.0.0.0/8"] };
const CLAIMS: FieldList = [
  ["X-Forwarded-For", "6.6.6.6"],
  ["X-Forwarded-Proto", "https"],
  ["X-Forwarded-Host", "evil.example"],
  ["X-Real-IP", "6.6.6.6"],
  ["Forwarded", "for=6.6.6.6"],
  ["X-Request-Id", "chosen-by-client"],
];
const TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

export const forwardingHeaders: readonly ContractCase[] = [
  {
    name: "the origin is told the client's address, scheme and host",
    async run({ origin, port }) {
      await ask(port, { host: "shop.example" });
      expect(origin.only.header("x-forwarded-for")).toBe("127.0.0.1");
      expect(origin.only.header("x-forwarded-proto")).toBe("http");
      expect(origin.only.header("x-forwarded-host")).toBe("shop.example");
    },
  },
  {
    name: "the Host reaches an http endpoint unchanged",
    async run({ origin, port }) {
      await ask(port, { host: "shop.example:8081" });
      expect(origin.only.header("host")).toBe("shop.example:8081");
    },
  },
  {
    name: "what an untrusted client claims about itself is replaced or removed",
    async run({ origin, port }) {
      await ask(port, { host: "shop.example", fields: CLAIMS });
      const { only } = origin;
      expect(only.header("x-forwarded-for")).toBe("127.0.0.1");
      expect(only.header("x-forwarded-proto")).toBe("http");
      expect(only.header("x-forwarded-host")).toBe("shop.example");
      expect([only.headers("x-real-ip"), only.headers("forwarded")]).toEqual([[], []]);
      expect(only.rawHead.toString("latin1")).not.toContain("6.6.6.6");
      expect(only.rawHead.toString("latin1")).not.toContain("chosen-by-client");
    },
  },
  {
    name: "several X-Forwarded-For lines of an untrusted client are all replaced",
    async run({ origin, port }) {
      await ask(port, {
        fields: [
          ["X-Forwarded-For", "6.6.6.6"],
          ["x-forwarded-for", "7.7.7.7"],
        ],
      });
      expect(origin.only.header("x-forwarded-for")).toBe("127.0.0.1");
    },
  },
  {
    name: "what a trusted proxy says is continued",
    async run(stage) {
      const { port } = await stage.gateway(TRUSTING);
      await ask(port, { fields: CLAIMS });
      const { only } = stage.origin;
      expect(only.header("x-forwarded-for")).toBe("6.6.6.6, 127.0.0.1");
      expect(only.header("x-forwarded-proto")).toBe("https");
      expect(only.header("x-forwarded-host")).toBe("evil.example");
      expect([only.header("x-real-ip"), only.header("forwarded")]).toEqual(["6.6.6.6", "for=6.6.6.6"]);
      expect(only.header("x-request-id")).toBe("chosen-by-client");
    },
  },
  {
    name: "a trusted proxy's request id is on the reply too",
    async run(stage) {
      const { port } = await stage.gateway(TRUSTING);
      const reply = await ask(port, { fields: [["X-Request-Id", "abc-123"]] });
      expect(reply.header("x-request-id")).toBe("abc-123");
    },
  },
  {
    name: "every request has an id of its own, the same at the origin and on the reply",
    async run({ origin, port }) {
      const ids = new Set<string>();
      for (let i = 0; i < 5; i++) {
        const reply = await ask(port);
        expect(reply.header("x-request-id")).toBe(origin.requests[i]!.header("x-request-id"));
        ids.add(reply.header("x-request-id") ?? "none");
      }
      expect(ids.has("none")).toBe(false);
      expect(ids.size).toBe(5);
    },
  },
  {
    name: "an origin's own X-Request-Id does not come twice",
    async run({ origin, port }) {
      origin.behaviour = (request) => request.reply({ fields: [["X-Request-Id", "the-origins"]] });
      expect((await ask(port)).headers("x-request-id")).toHaveLength(1);
    },
  },
  {
    name: "traceparent and tracestate stay in their trace",
    async run({ origin, port }) {
      await ask(port, {
        fields: [
          ["traceparent", TRACE],
          ["tracestate", "a=1"],
        ],
      });
      expect(origin.only.header("traceparent")).toStartWith("00-0af7651916cd43dd8448eb211c80319c-");
      expect(origin.only.header("tracestate")).toContain("a=1");
    },
  },
  {
    name: "Via names this hop after the hops before it",
    async run({ origin, port }) {
      await ask(port, { target: "/1" });
      await ask(port, { target: "/2", fields: [["Via", "1.0 fred"]] });
      expect(origin.requests[0]!.headers("via").join(", ")).toBe("1.1 sluice");
      expect(origin.requests[1]!.headers("via").join(", ")).toBe("1.0 fred, 1.1 sluice");
    },
  },
  {
    name: "nothing but the documented fields is added to a request",
    async run({ origin, port }) {
      const own: FieldList = [
        ["X-Mine", "1"],
        ["User-Agent", "kit"],
        ["Accept", "*/*"],
      ];
      await ask(port, { fields: own });
      const known = new Set(["host", "x-mine", "user-agent", "accept", "via", "connection", "traceparent"]);
      const added = origin.only.fields.map(([name]) => name.toLowerCase());
      expect(added.filter((name) => !known.has(name)).sort()).toEqual([
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
        "x-request-id",
      ]);
    },
  },
  {
    name: "nothing but X-Request-Id, Date and framing is added to a reply",
    skip: { serve: "Bun.serve adds a content-type to bodies in memory" },
    async run({ origin, port }) {
      origin.behaviour = (request) => request.reply({ fields: [["X-Mine", "1"]], body: "x" });
      const known = new Set(["x-mine", "x-request-id", "date", "content-length", "connection", "keep-alive"]);
      const names = (await ask(port)).fields.map(([name]) => name.toLowerCase());
      expect(names.filter((name) => !known.has(name))).toEqual([]);
    },
  },
];
