import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AdminSluice, TOKEN } from "./admin-sluice.ts";

/** `bun run test` installs it where it may. */
const chromium = ["chromium", "chromium-browser", "google-chrome"]
  .map((name) => Bun.which(name))
  .find((path) => path !== null);
if (chromium === undefined) console.log("the page at /docs is not looked at in a browser: chromium is not installed");

const QUIET = ["gpu", "quic", "background-networking", "component-update", "sync", "extensions", "dev-shm-usage"];

/** The page as it is once its scripts have run; every name but this machine's leads nowhere. */
async function rendered(url: string): Promise<string> {
  const profile = mkdtempSync(join(tmpdir(), "sluice-chromium-"));
  const flags = ["--headless", "--no-sandbox", "--no-first-run", ...QUIET.map((what) => `--disable-${what}`)];
  const offline = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1";
  const asked = [`--user-data-dir=${profile}`, "--virtual-time-budget=15000", "--dump-dom", url];
  const child = Bun.spawn([chromium!, ...flags, offline, ...asked], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "ignore",
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), 50_000);
  try {
    return await new Response(child.stdout).text();
  } finally {
    clearTimeout(timer);
    child.kill("SIGKILL");
    await child.exited;
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

test.skipIf(chromium === undefined)(
  "/docs shows the operations in a browser that reaches nothing but this machine, and asks for no token",
  async () => {
    await using running = await AdminSluice.start({}, { token: TOKEN });
    const page = await rendered(`${running.admin.url}/docs`);
    expect(page).toContain("Sluice admin API");
    for (const path of ["/api/routes", "/api/upstreams/{id}/health", "/api/v1/services/register", "/health/ready"])
      expect(page).toContain(`data-path="${path}"`);
    expect(page).not.toContain("errors-wrapper");
  },
  60_000,
);

test("the page loads what comes with it, and nothing else: no address of the internet, no script of its own", async () => {
  await using running = await AdminSluice.start();
  const page = await running.admin.get("/docs");
  expect(page.headers.get("content-type")).toBe("text/html; charset=utf-8");
  expect(page.text).not.toMatch(/https?:\/\//);
  expect(page.text).not.toMatch(/<script>/);
  const policy = page.headers.get("content-security-policy")!;
  expect(policy).toStartWith("default-src 'none'; script-src 'self';");
  const loaded = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => path!);
  expect(loaded.length).toBe(4);
  for (const path of loaded) {
    const file = await running.admin.get(`/${path}`);
    expect([path, file.status, file.text.length > 100]).toEqual([path, 200, true]);
  }
  for (const path of ["/docs/index.html", "/docs/swagger-ui.js", "/docs/..%2fpackage.json", "/docs/package.json"])
    expect((await running.admin.get(path)).status).toBe(404);
});
