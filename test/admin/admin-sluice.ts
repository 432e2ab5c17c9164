import { freePort } from "../kit/free-port.ts";
import { type Config, Sluice } from "../kit/sluice.ts";
import { AdminClient } from "./admin-client.ts";

export const TOKEN = "the-admin-token";
export const READ_ONLY = "the-read-only-token";

/** Names an answer by where it came from. */
export interface Origin extends AsyncDisposable {
  readonly url: string;
}

/** A running Sluice with an admin API, whose store lies in its own temporary folder. */
export class AdminSluice implements AsyncDisposable {
  readonly sluice: Sluice;
  readonly admin: AdminClient;

  private constructor(sluice: Sluice, admin: AdminClient) {
    this.sluice = sluice;
    this.admin = admin;
  }

  /** @param admin beside the port; without one nobody needs a token */
  static async start(config: Config = {}, admin: Config = {}): Promise<AdminSluice> {
    const port = await freePort();
    const whole = { logging: { access: "off" }, admin: { port, ...admin }, ...config };
    const sluice = await Sluice.start(whole);
    return new AdminSluice(sluice, new AdminClient(port, (admin.token as string | undefined) ?? null));
  }

  /** What the proxy answers, in short: `200 pong`. */
  async proxied(path: string, init?: RequestInit): Promise<string> {
    const response = await fetch(this.sluice.url + path, init);
    const text = await response.text();
    return response.ok ? `${response.status} ${text}` : String(response.status);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.sluice.stop();
  }
}

/** An origin that says its name. */
export function origin(name: string): Origin {
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response(name) });
  return { url: `http://127.0.0.1:${server.port}`, [Symbol.asyncDispose]: () => server.stop(true) };
}

/** A route that answers by itself. */
export function pong(path: string, body = "pong"): Record<string, unknown> {
  return { path, respond: { body } };
}
