import { createAdminApp, type AdminApp } from "../control/admin/admin-app.ts";
import type { AdminSettings } from "../control/config/build-admin.ts";
import { AdminListener } from "./admin-listener.ts";
import { docsAssets } from "./docs-assets.ts";
import { Observation } from "./observation.ts";
import { ProcessPorts, type ProcessPortsParts } from "./process-ports.ts";

export interface AdminSideParts extends Omit<ProcessPortsParts, "observation"> {
  /** null: it listens nowhere by itself. */
  readonly settings: AdminSettings | null;
}

/** Nobody can be told from anybody else: without a listener of its own there is no token either. */
const NO_TOKENS = { host: "127.0.0.1", token: "", readOnlyToken: "" };

/** The admin API with what it shows; loaded only where somebody asked for it. */
export class AdminSide {
  readonly app: AdminApp;
  readonly #parts: AdminSideParts;
  /** Once there is something to observe. */
  #observation: Observation | null = null;
  readonly #settings: AdminSettings | null;
  #listener: AdminListener | null = null;

  constructor(parts: AdminSideParts) {
    const { settings, proxied } = parts;
    this.#parts = parts;
    this.#settings = settings;
    this.app = createAdminApp({
      ports: new ProcessPorts({ ...parts, observation: () => this.#observation! }),
      guard: settings ?? NO_TOKENS,
      assets: docsAssets,
      failed: (err) => proxied.log.error({ err }, "the admin API failed"),
    });
  }

  /** Traffic is served. @throws when the address cannot be had. @returns where it listens; null: nowhere */
  listen(): string | null {
    this.#observation = new Observation(this.#parts.proxied, this.#parts.version);
    if (this.#settings === null) return null;
    this.#listener = new AdminListener(this.#settings, this.app);
    return this.#listener.url;
  }

  get addresses(): Array<{ host: string; port: number }> {
    return this.#listener === null ? [] : [{ host: this.#listener.host, port: this.#listener.port }];
  }

  async stop(): Promise<void> {
    this.#observation?.stop();
    await this.#listener?.stop();
  }
}
