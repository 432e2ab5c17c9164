import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import manifest from "../../package.json" with { type: "json" };
import { loadConfig } from "../../src/control/config/load-config.ts";
import { ROOT } from "./pages.ts";

const text = (name: string) => readFileSync(join(ROOT, name), "utf8");

interface Compose {
  readonly services: Readonly<Record<string, { ports?: string[]; volumes?: string[] }>>;
}

test("the demo's configuration names the services of docker-compose.yml and the port it publishes", async () => {
  const { services } = parse(text("docker-compose.yml"), { merge: true }) as Compose;
  const loaded = await loadConfig(join(ROOT, "config/demo/sluice.yaml"), { env: {} });
  expect(loaded).toMatchObject({ ok: true, warnings: [] });
  if (!loaded.ok) return;
  const hosts = loaded.spec.upstreams.flatMap((upstream) => upstream.endpoints.map((endpoint) => endpoint.host));
  expect(Object.keys(services).sort()).toEqual([...new Set(hosts), "sluice"].sort());
  expect(services.sluice).toMatchObject({ ports: ["8080:8080"], volumes: ["./config/demo:/etc/sluice:ro"] });
  expect(loaded.spec.listeners).toMatchObject([{ port: 8080, healthPath: "/healthz" }]);
});

test("the image has the Bun that package.json and .ci/run name", async () => {
  const images = [...text("Dockerfile").matchAll(/^FROM oven\/bun:(\S+)-slim/gm)].map(([, version]) => version);
  const wanted = manifest.engines.bun.replace(/^\D+/, "");
  expect(images).toEqual([wanted, wanted]);
  expect(text(".ci/run")).toContain(`bun_version=${wanted}`);
});
