import type { Server } from "bun";
import type { AdminApp } from "../control/admin/admin-app.ts";
import type { AdminSettings } from "../control/config/build-admin.ts";

/** Of a request's body: a configuration is never that large. */
const MAX_BODY_BYTES = 4 * 1024 * 1024;
/** A stream that says nothing for so long is dead: it sends a heartbeat more often. */
const IDLE_SECONDS = 60;

/** The admin API's own listener: not one of the proxy's, and never dialled by it. */
export class AdminListener {
  readonly #server: Server<undefined>;

  /** @throws when the address cannot be had */
  constructor({ host, port }: AdminSettings, app: AdminApp) {
    this.#server = Bun.serve({
      hostname: host,
      port,
      maxRequestBodySize: MAX_BODY_BYTES,
      idleTimeout: IDLE_SECONDS,
      development: false,
      // Without development Bun shares the port with whoever shares it too, and requests would go now here, now there.
      reusePort: false,
      fetch: (request, server) => app.handle(request, server.requestIP(request)?.address ?? ""),
    });
  }

  get host(): string {
    return this.#server.hostname ?? "";
  }

  get port(): number {
    return this.#server.port ?? 0;
  }

  get url(): string {
    const host = this.host.includes(":") ? `[${this.host}]` : this.host;
    return `http://${host}:${this.port}`;
  }

  /** Streams end with it. */
  async stop(): Promise<void> {
    await this.#server.stop(true);
  }
}
