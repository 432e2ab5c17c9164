import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { formatDiagnostic } from "../../src/control/config/diagnostics.ts";
import { loadConfig, type LoadedConfig } from "../../src/control/config/load-config.ts";
import { CERT_ONE, CERT_TWO, KEY_ONE, KEY_TWO } from "./certificates.ts";
import { tempFolder, writeIn } from "./config-files.ts";

const FILES: Record<string, string> = {
  "one.pem": CERT_ONE,
  "one.key": KEY_ONE,
  "two.pem": CERT_TWO,
  "two.key": KEY_TWO,
  "junk.pem": "hello\n",
  "torn.pem": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
};

async function load(yaml: string): Promise<LoadedConfig & { folder: string }> {
  const folder = tempFolder();
  for (const [name, content] of Object.entries(FILES)) writeIn(folder, join("tls", name), content);
  return { ...(await loadConfig(writeIn(folder, "sluice.yaml", yaml), { env: {} })), folder };
}

async function errorsOf(yaml: string): Promise<string[]> {
  const loaded = await load(yaml);
  return loaded.ok ? [] : loaded.errors.map(formatDiagnostic);
}

const listener = (tls: string) => `listeners: [{ port: 8443, tls: ${tls}, http2: true }]`;

test("PEM files are read beside the configuration, their names taken from the certificate, and watched", async () => {
  const loaded = await load(
    listener(
      "[{ cert: tls/one.pem, key: tls/one.key, clientCa: tls/two.pem }, { cert: tls/two.pem, key: tls/two.key, serverNames: [Other.example] }]",
    ),
  );
  if (!loaded.ok) throw new Error("refused");
  expect(loaded.spec.listeners[0]!.tls).toEqual([
    { cert: CERT_ONE, key: KEY_ONE, serverNames: ["one.example.com", "*.one.example.com"], clientCa: CERT_TWO },
    { cert: CERT_TWO, key: KEY_TWO, serverNames: ["other.example"], clientCa: null },
  ]);
  expect(loaded.files).toEqual(
    ["sluice.yaml", "tls/one.pem", "tls/one.key", "tls/two.pem", "tls/two.key", "plugins"].map((file) =>
      join(loaded.folder, file),
    ),
  );
});

describe("files that cannot serve are refused, each with its path", () => {
  test.each([
    [
      "a missing certificate",
      "{ cert: no.pem, key: tls/one.key }",
      "listeners.0.tls.cert  cannot read no.pem: no such file",
    ],
    ["a folder", "{ cert: tls, key: tls/one.key }", "cannot read tls: it is a directory"],
    ["no certificate inside", "{ cert: tls/junk.pem, key: tls/one.key }", "tls/junk.pem holds no certificate"],
    ["a torn certificate", "{ cert: tls/torn.pem, key: tls/one.key }", "tls/torn.pem holds no certificate"],
    ["a certificate for a key", "{ cert: tls/one.pem, key: tls/one.pem }", "holds no private key"],
    [
      "someone else's key",
      "{ cert: tls/one.pem, key: tls/two.key }",
      "listeners.0.tls.key  the private key does not belong to the certificate",
    ],
    ["a bad client CA", "{ cert: tls/one.pem, key: tls/one.key, clientCa: tls/junk.pem }", "listeners.0.tls.clientCa"],
    [
      "the second of a list",
      "[{ cert: tls/one.pem, key: tls/one.key }, { cert: x.pem, key: tls/two.key }]",
      "listeners.0.tls.1.cert",
    ],
    ["an empty list", "[]", "holds no certificate"],
    ["a certificate without key", "{ cert: tls/one.pem }", '"key" is missing'],
  ])("%s", async (_, tls, message) => {
    const errors = await errorsOf(listener(tls));
    expect(errors).toHaveLength(1);
    expect(errors[0]).toContain(message);
  });
});

test("an upstream's CA and client certificate are read and checked the same way", async () => {
  const upstream = (tls: string) => `upstreams: [{ name: a, url: https://h, tls: ${tls} }]`;
  const loaded = await load(
    upstream("{ ca: tls/one.pem, cert: tls/two.pem, key: tls/two.key, serverName: one.example.com, insecure: true }"),
  );
  if (!loaded.ok) throw new Error("refused");
  expect(loaded.spec.upstreams[0]!.tls).toEqual({
    ca: CERT_ONE,
    cert: CERT_TWO,
    key: KEY_TWO,
    serverName: "one.example.com",
    insecure: true,
  });
  expect(loaded.warnings.map(({ path }) => path)).toContain("upstreams.0.tls.insecure");
  expect((await errorsOf(upstream("{ cert: tls/one.pem, key: tls/two.key }")))[0]).toContain("does not belong");
  expect((await errorsOf(upstream("{ ca: tls/junk.pem }")))[0]).toContain("upstreams.0.tls.ca");
});
