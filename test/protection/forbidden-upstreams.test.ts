import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { eventually } from "../kit/eventually.ts";
import { ask } from "../kit/raw-client.ts";
import { RawOrigin } from "../kit/raw-origin.ts";
import { Sluice } from "../kit/sluice.ts";

const UPGRADE = [
  ["Connection", "Upgrade"],
  ["Upgrade", "websocket"],
  ["Sec-WebSocket-Version", "13"],
  ["Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="],
] as const;

describe.each(["wire", "serve"])("on edge %s", (edge) => {
  let origin: RawOrigin;
  let sluice: Sluice;

  beforeAll(async () => {
    origin = await RawOrigin.start();
    const { port } = origin;
    sluice = await Sluice.start((own) => ({
      listeners: [{ name: "web", host: "127.0.0.1", port: own, edge }],
      // The name is allowed and leads where nobody may go; the other address is not blocked and not allowed.
      security: { allowedHosts: ["localhost"], blockedIPs: ["127.0.0.1", "::1"] },
      upstreams: [
        { name: "blocked", url: `http://localhost:${port}`, health: { active: { path: "/check", interval: "50ms" } } },
        { name: "outside", url: `http://127.0.0.1:${port}` },
      ],
      routes: [
        { path: "/blocked", upstream: "blocked" },
        { path: "/outside", upstream: "outside" },
      ],
    }));
  });

  afterAll(async () => {
    await sluice.stop();
    await origin.stop();
  });

  test("an upstream outside allowedHosts is warned of at load, and answers 502 upstream_forbidden", async () => {
    expect(sluice.process.output).toContain("127.0.0.1 is not in security.allowedHosts");
    const reply = await ask(sluice.port, { target: "/outside" });
    expect([reply.status, reply.json()["code"]]).toEqual([502, "upstream_forbidden"]);
    expect(reply.text).not.toContain("127.0.0.1");
  });

  test("an upgrade goes nowhere that a request may not go", async () => {
    for (const target of ["/blocked", "/outside"]) {
      const reply = await ask(sluice.port, { target, fields: UPGRADE });
      expect([reply.status, reply.json()["code"]]).toEqual([502, "upstream_forbidden"]);
    }
  });

  test("active health checks go nowhere that a request may not go", async () => {
    await eventually("the first verdict", () => sluice.process.output.includes('"upstream.unhealthy"'));
    expect(sluice.process.output).toContain("every address of localhost is link-local");
  });

  test("nothing of all this has reached the origin", () => {
    expect(origin.connections.length).toBe(0);
  });
});
