import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Server } from "bun";
import type { ConfigPart } from "../control/config/config-parts.ts";

/** What carries it on the proxy's side. */
const NAME = "sluice-registry";
const PATHS = ["/api/v1/services/*", "/api/v1/health"];

/**
 * The registry for a listener of the proxy: requests come over a socket in a folder that only this user can enter, through the
 * proxy's own pipeline, so that limits, logs and counters hold for them as for any other.
 */
export class InnerListener {
  readonly #folder: string;
  readonly #server: Server<undefined>;

  constructor(handle: (request: Request, clientIp: string) => Promise<Response>) {
    this.#folder = mkdtempSync(join(tmpdir(), "sluice-inner-"));
    this.#server = Bun.serve({
      unix: this.#path,
      development: false,
      // The proxy's word, and nobody else's: nobody else can connect.
      fetch: (request) => handle(request, request.headers.get("x-forwarded-for")?.split(",").at(-1)?.trim() ?? ""),
    });
  }

  /** What makes `listener` carry it. */
  partsFor(listener: string): ConfigPart[] {
    const from = "discovery.registry.listener";
    const upstream = { name: NAME, url: `unix:${this.#path}`, health: { passive: false }, retries: 0 };
    return [
      { section: "upstreams", value: upstream, from, provider: null },
      ...PATHS.map((path, i): ConfigPart => {
        const name = i === 0 ? NAME : `${NAME}-${i + 1}`;
        return {
          section: "routes",
          value: { name, path, listeners: [listener], upstream: NAME, maxBodySize: "128kb" },
          from,
          provider: null,
        };
      }),
    ];
  }

  async stop(): Promise<void> {
    await this.#server.stop(true);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  get #path(): string {
    return join(this.#folder, "registry.sock");
  }
}
