import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DockerEngine } from "../../kit/docker-engine.ts";

interface Blob {
  readonly digest: string;
  readonly size: number;
  readonly path: string;
}

const DOCKER = "application/vnd.docker";

/** A registry on loopback, which engines ask without TLS: it has one image under whatever name, with the tag `v1` (distribution spec). */
export class FakeRegistry implements Disposable {
  readonly #folder: string;
  readonly #server: Bun.Server<undefined>;

  private constructor(folder: string, config: Blob, layers: readonly Blob[]) {
    this.#folder = folder;
    const manifest = JSON.stringify({
      schemaVersion: 2,
      mediaType: `${DOCKER}.distribution.manifest.v2+json`,
      config: described(config, `${DOCKER}.container.image.v1+json`),
      layers: layers.map((layer) => described(layer, `${DOCKER}.image.rootfs.diff.tar`)),
    });
    const blobs = new Map([config, ...layers].map((blob) => [blob.digest, blob]));
    this.#server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      development: false,
      fetch: (request) => answer(new URL(request.url).pathname, manifest, blobs),
    });
  }

  /** With an image that the engine has. */
  static async of(engine: DockerEngine, image: string): Promise<FakeRegistry> {
    const folder = mkdtempSync(join(tmpdir(), "sluice-registry-"));
    const archive = join(folder, "image.tar");
    await engine.docker("save", "-o", archive, image);
    await Bun.$`tar -xf ${archive} -C ${folder}`.quiet();
    const [saved] = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8")) as [SavedImage];
    const blob = (path: string) => blobOf(join(folder, path));
    // The engine knows an image again by its configuration, whatever it is called.
    const config = join(folder, saved.Config);
    const before = JSON.parse(readFileSync(config, "utf8")) as { config: object };
    writeFileSync(config, JSON.stringify({ ...before, config: { ...before.config, Labels: { from: "registry" } } }));
    return new FakeRegistry(folder, await blob(saved.Config), await Promise.all(saved.Layers.map(blob)));
  }

  get host(): string {
    return `127.0.0.1:${this.#server.port}`;
  }

  [Symbol.dispose](): void {
    void this.#server.stop(true);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

interface SavedImage {
  readonly Config: string;
  readonly Layers: string[];
}

function answer(path: string, manifest: string, blobs: ReadonlyMap<string, Blob>): Response {
  if (path === "/v2/") return Response.json({});
  const blob = blobs.get(path.split("/blobs/")[1] ?? "");
  if (blob !== undefined) return new Response(Bun.file(blob.path));
  const version = path.split("/manifests/")[1] ?? "";
  const digest = `sha256:${new Bun.CryptoHasher("sha256").update(manifest).digest("hex")}`;
  if (version !== "v1" && version !== digest)
    return Response.json({ errors: [{ code: "MANIFEST_UNKNOWN", message: "manifest unknown" }] }, { status: 404 });
  const headers = { "content-type": `${DOCKER}.distribution.manifest.v2+json`, "docker-content-digest": digest };
  return new Response(manifest, { headers });
}

async function blobOf(path: string): Promise<Blob> {
  const hash = new Bun.CryptoHasher("sha256");
  for await (const chunk of Bun.file(path).stream()) hash.update(chunk);
  return { digest: `sha256:${hash.digest("hex")}`, size: Bun.file(path).size, path };
}

function described({ digest, size }: Blob, mediaType: string): unknown {
  return { mediaType, size, digest };
}
