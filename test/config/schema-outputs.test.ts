import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { configJsonSchema } from "../../src/control/config/json-schema.ts";
import { loadConfig } from "../../src/control/config/load-config.ts";
import { maskSecrets } from "../../src/control/config/mask.ts";
import { renderSchemaDocs } from "../../src/control/config/schema-docs.ts";
import { ConfigSchema } from "../../src/control/config/schema.ts";
import { accepted } from "./config-files.ts";

const ROOT = join(import.meta.dir, "..", "..");
const REFRESH = "run: bun test/config/refresh-generated.ts";

test("docs/configuration.md is what the schema says", async () => {
  expect(readFileSync(join(ROOT, "docs/configuration.md"), "utf8") === renderSchemaDocs(), REFRESH).toBe(true);
});

test("config/sluice.schema.json is what the schema says", async () => {
  const written: unknown = JSON.parse(readFileSync(join(ROOT, "config/sluice.schema.json"), "utf8"));
  expect(Bun.deepEquals(written, JSON.parse(JSON.stringify(configJsonSchema()))), REFRESH).toBe(true);
});

test("every field says what it means", async () => {
  const silent: string[] = [];
  const visit = (schema: Record<string, unknown>, path: string) => {
    for (const [key, inner] of Object.entries((schema.properties ?? {}) as Record<string, Record<string, unknown>>)) {
      if (typeof inner.description !== "string" || inner.description === "") silent.push(`${path}${key}`);
      visit(inner, `${path}${key}.`);
    }
    for (const key of ["items", "additionalProperties"]) {
      if (typeof schema[key] === "object") visit(schema[key] as Record<string, unknown>, path);
    }
    for (const branch of (schema.anyOf ?? []) as Array<Record<string, unknown>>) visit(branch, path);
  };
  visit(configJsonSchema(), "");
  expect(silent).toEqual([]);
  expect(Object.keys(ConfigSchema.properties).length).toBeGreaterThan(15);
});

test("the shipped configuration loads without a warning, answers / and tells editors its schema", async () => {
  const file = join(ROOT, "config/sluice.yaml");
  const loaded = await loadConfig(file, { env: {} });
  expect(loaded).toMatchObject({ ok: true, warnings: [] });
  if (!loaded.ok) return;
  expect(loaded.spec.listeners).toMatchObject([{ host: "0.0.0.0", port: 8080, healthPath: "/healthz" }]);
  expect(loaded.spec.routes).toMatchObject([{ match: { path: "/" }, action: { kind: "respond", status: 200 } }]);
  expect(readFileSync(file, "utf8")).toStartWith("# yaml-language-server: $schema=");
});

test("what its comments offer loads, too, once the # is taken away", async () => {
  const text = readFileSync(join(ROOT, "config/sluice.yaml"), "utf8");
  const opened = text
    .replace(/^# (upstreams:|discovery:|trustedProxies:.*| {2}.*)$/gm, "$1")
    .replace(/^ {2}# ((- |  ).*)$/gm, "  $1");
  const { spec } = await accepted(opened);
  expect(spec.upstreams[0]!.endpoints).toHaveLength(2);
  expect(spec.routes).toHaveLength(3);
  expect(spec.trustedProxies).toHaveLength(1);
  expect(opened).toContain("\n  docker: {}");
});

describe("secrets do not show", () => {
  test("in the effective configuration", async () => {
    const { config } = await accepted(
      `admin: { token: "\${T}" }
redis: { url: "redis://user:hunter2@h/0" }
store: { url: "sqlite:x.db" }
security: { auth: { keys: [hunter2, { name: joe, key: hunter2 }] } }
plugins: { define: { x: { use: jwt, enabled: false, with: { secret: hunter2, deep: [{ password: hunter2, issuer: me }], url: "https://u:hunter2@h/" } } }, all: [x] }
routes: [{ path: /, respond: { headers: { Authorization: hunter2, x-a: b } } }]`,
      { env: { T: "hunter2" } },
    );
    const shown = JSON.stringify(maskSecrets(config));
    expect(shown).not.toContain("hunter2");
    for (const kept of ["joe", "me", "redis://***@h/0", "sqlite:x.db", '"x-a":"b"']) expect(shown).toContain(kept);
  });

  test("in messages about a URL", async () => {
    const loaded = await loadConfig("/tmp/x.yaml", {
      env: {},
      readFile: () => Buffer.from("upstreams: [{ name: a, url: 'http://u:hunter2@h/' }]"),
    });
    expect(JSON.stringify(loaded)).not.toContain("hunter2");
  });
});
