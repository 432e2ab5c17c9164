import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../kit/free-port.ts";
import type { ProxyProcess } from "../kit/proxy-process.ts";
import { sluiceCommand, toYaml } from "../kit/sluice.ts";
import { AdminClient } from "./admin-client.ts";

/** A Sluice that is killed and comes back: its files stay until the end. */
export class Mortal {
  readonly admin: AdminClient;
  readonly folder: string;
  readonly #env: Record<string, string>;
  #process: ProxyProcess | null = null;

  private constructor(admin: AdminClient, folder: string, env: Record<string, string>) {
    this.admin = admin;
    this.folder = folder;
    this.#env = env;
  }

  static async start(env: Record<string, string> = {}): Promise<Mortal> {
    const folder = mkdtempSync(join(tmpdir(), "sluice-mortal-"));
    const port = await freePort();
    const listeners = [{ name: "web", host: "127.0.0.1", port: await freePort() }];
    writeFileSync(join(folder, "sluice.yaml"), toYaml({ listeners, admin: { port }, logging: { access: "off" } }));
    const mortal = new Mortal(new AdminClient(port), folder, env);
    await mortal.restart();
    return mortal;
  }

  async restart(): Promise<void> {
    this.#process = sluiceCommand(["start", "--config", "sluice.yaml"], { cwd: this.folder, env: this.#env });
    await this.#process.says("sluice is ready");
  }

  /** SIGKILL: nothing is put in order. */
  async kill(): Promise<void> {
    await this.#process!.kill();
  }

  async end(): Promise<void> {
    await this.#process?.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
