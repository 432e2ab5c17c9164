import { expect, test } from "bun:test";
import { eventually } from "../kit/eventually.ts";
import { ask } from "../kit/raw-client.ts";
import { RawOrigin } from "../kit/raw-origin.ts";
import { type Config, Sluice } from "../kit/sluice.ts";

test.each(["wire", "serve"])("a pooled connection is not used for what is forbidden now, on edge %s", async (edge) => {
  await using origin = await RawOrigin.start();
  const config =
    (security: object) =>
    (port: number): Config => ({
      listeners: [{ name: "web", host: "127.0.0.1", port, edge }],
      // A name: both ways of writing an endpoint end at the same address.
      upstreams: [{ name: "origin", url: `http://localhost:${origin.port}` }],
      routes: [{ path: "/*", upstream: "origin" }],
      security,
    });
  await using sluice = await Sluice.start(config({}));
  expect((await ask(sluice.port)).status).toBe(200);
  expect((await ask(sluice.port)).status).toBe(200);
  expect(origin.connections.length).toBe(1);
  sluice.rewrite(config({ blockedIPs: ["127.0.0.0/8", "::1"] })(sluice.port));
  const refusal = await eventually("the new configuration", async () => {
    const reply = await ask(sluice.port);
    return reply.status === 502 ? reply : null;
  });
  expect(refusal.json()["code"]).toBe("upstream_forbidden");
  const before = origin.requests.length;
  expect((await ask(sluice.port)).json()["code"]).toBe("upstream_forbidden");
  expect(origin.requests.length).toBe(before);
  sluice.rewrite(config({ allowedHosts: ["other.test"] })(sluice.port));
  const detail = await eventually("the next configuration", () =>
    sluice.process.output.includes("is not in security.allowedHosts"),
  );
  expect(detail).toBe(true);
  expect((await ask(sluice.port)).json()["code"]).toBe("upstream_forbidden");
});
