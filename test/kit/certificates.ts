import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** PEM texts, and where they lie. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
  readonly certFile: string;
  readonly keyFile: string;
}

export interface LeafOptions {
  /** As openssl writes them: `DNS:a.test`, `IP:127.0.0.1`. */
  readonly names?: readonly string[];
  /** Was valid once. */
  readonly expired?: boolean;
}

/** A certificate authority for one test file: makes certificates with openssl, and removes them at the end. */
export class Authority implements Disposable {
  readonly #directory = mkdtempSync(join(tmpdir(), "sluice-ca-"));
  readonly #self: Certificate;
  #made = 0;

  constructor(name = "Test authority") {
    const paths = this.#paths("ca");
    openssl(
      "req",
      "-x509",
      ...NEW_KEY,
      "-keyout",
      paths.keyFile,
      "-out",
      paths.certFile,
      "-days",
      "2",
      "-subj",
      `/CN=${name}`,
    );
    this.#self = read(paths);
  }

  /** What whoever trusts this authority is given. */
  get ca(): string {
    return this.#self.cert;
  }

  get caFile(): string {
    return this.#self.certFile;
  }

  issue(commonName: string, { names = [`DNS:${commonName}`], expired = false }: LeafOptions = {}): Certificate {
    const stem = `leaf-${this.#made++}`;
    const paths = this.#paths(stem);
    const request = join(this.#directory, `${stem}.csr`);
    const extensions = join(this.#directory, `${stem}.ext`);
    writeFileSync(extensions, names.length > 0 ? `subjectAltName=${names.join(",")}\n` : "basicConstraints=CA:FALSE\n");
    openssl("req", ...NEW_KEY, "-keyout", paths.keyFile, "-out", request, "-subj", `/CN=${commonName}`);
    const { certFile: caFile, keyFile: caKey } = this.#self;
    const signed = ["-CA", caFile, "-CAkey", caKey, "-set_serial", String(1000 + this.#made), "-extfile", extensions];
    openssl("x509", "-req", "-in", request, ...signed, "-out", paths.certFile, "-days", expired ? "-1" : "2");
    return read(paths);
  }

  [Symbol.dispose](): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #paths(stem: string): { certFile: string; keyFile: string } {
    return { certFile: join(this.#directory, `${stem}.crt`), keyFile: join(this.#directory, `${stem}.key`) };
  }
}

const NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];

function read(paths: { certFile: string; keyFile: string }): Certificate {
  return { ...paths, cert: readFileSync(paths.certFile, "utf8"), key: readFileSync(paths.keyFile, "utf8") };
}

function openssl(...words: string[]): void {
  const { exitCode, stderr } = Bun.spawnSync(["openssl", ...words], { stdout: "ignore", stderr: "pipe" });
  if (exitCode !== 0) throw new Error(`openssl ${words[0]}: ${stderr.toString()}`);
}
