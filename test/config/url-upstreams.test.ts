import { expect, test } from "bun:test";
import { loadConfig } from "../../src/control/config/load-config.ts";

async function load(routes: string) {
  return loadConfig("f.yaml", { readFile: () => Buffer.from(`routes: [${routes}]`) as never });
}

test("a route may name its upstream by address; routes with the same one share it", async () => {
  const loaded = await load(`
    { path: /a, upstream: "https://products.example.com" }, { path: /b, upstream: "https://products.example.com/" },
    { path: /c, upstream: "http://[::1]:8080/base" }, { path: /d, upstream: "unix:/run/app.sock" }`);
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.errors));
  expect(loaded.spec.upstreams.map(({ name, endpoints }) => [name, endpoints[0]!.host, endpoints[0]!.port])).toEqual([
    ["https-products.example.com", "products.example.com", 443],
    ["http-1-8080-base", "::1", 8080],
    ["unix-run-app.sock", "/run/app.sock", 0],
  ]);
  const targets = loaded.spec.routes.map(({ action }) =>
    action.kind === "forward" ? action.targets[0]!.upstream : "",
  );
  expect(targets.slice(0, 2)).toEqual(["https-products.example.com", "https-products.example.com"]);
});

test("an address that is none is told where it stands", async () => {
  const loaded = await load('{ path: /a, upstream: "http://user:secret@host" }');
  expect(loaded.ok ? "" : loaded.errors[0]!.path).toBe("routes.0.upstream");
  expect(JSON.stringify(loaded)).not.toContain("secret");
});
