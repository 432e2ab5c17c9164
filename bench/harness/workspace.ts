/** A temporary directory with what the origin serves and, when asked for, a self-signed certificate. */
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { randomBytes } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The paths that are measured and the size of their replies' bodies in bytes. */
export const BODY_BYTES: Readonly<Record<string, number>> = {
  "/": 27,
  "/10k": 10_240,
  "/100k": 102_400,
  "/1m": 1_048_576,
};

export interface Workspace {
  readonly dir: string;
  file(name: string): string;
  write(name: string, text: string): string;
  certificate(): { readonly cert: string; readonly key: string };
}

export function createWorkspace(): Workspace {
  const dir = mkdtempSync(join(tmpdir(), "sluice-bench-"));
  chmodSync(dir, 0o755); // an origin that drops its privileges must still read it
  mkdirSync(join(dir, "www"));
  for (const [path, bytes] of Object.entries(BODY_BYTES)) {
    if (path !== "/") writeFileSync(join(dir, "www", path), randomBytes(bytes));
  }
  process.on("exit", () => rmSync(dir, { recursive: true, force: true }));
  const file = (name: string): string => join(dir, name);
  return {
    dir,
    file,
    write(name, text) {
      writeFileSync(file(name), text);
      return file(name);
    },
    certificate() {
      const cert = file("cert.pem");
      const key = file("key.pem");
      if (!existsSync(cert)) selfSign(cert, key);
      return { cert, key };
    },
  };
}

const SELF_SIGN =
  "openssl req -x509 -nodes -days 2 -subj /CN=localhost -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -addext subjectAltName=DNS:localhost";

function selfSign(cert: string, key: string): void {
  const made = Bun.spawnSync([...SELF_SIGN.split(" "), "-keyout", key, "-out", cert]);
  if (!made.success) throw new Error(`openssl made no certificate: ${made.stderr.toString().trim()}`);
}
