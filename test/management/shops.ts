import { expect } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ask, type FullReply, type RequestParts } from "../kit/raw-client.ts";
import { type Behaviour, RawOrigin } from "../kit/raw-origin.ts";
import { type Config, Sluice } from "../kit/sluice.ts";

/** Origins that register themselves as instances of `shop`: `a` and `b` and `c` say their name and what they were asked. */
export class Shops {
  readonly folder = mkdtempSync(join(tmpdir(), "sluice-test-"));
  readonly #origins = new Map<string, RawOrigin>();
  #stores = 0;

  static async open(): Promise<Shops> {
    const shops = new Shops();
    for (const name of ["a", "b", "c"]) await shops.add(name);
    return shops;
  }

  async add(
    name: string,
    behaviour: Behaviour = (request) => request.reply({ body: `${name} ${request.target}` }),
  ): Promise<RawOrigin> {
    const origin = await RawOrigin.start(behaviour);
    this.#origins.set(name, origin);
    return origin;
  }

  /** @param registry under `discovery.registry` */
  start(registry: Config = {}, more: Config = {}): Promise<Sluice> {
    return Sluice.start((port) => ({
      listeners: [{ name: "web", host: "127.0.0.1", port }],
      admin: { port: 0 },
      store: { url: `sqlite:${join(this.folder, `${this.#stores++}.db`)}` },
      discovery: { registry: { listener: "web", ...registry } },
      logging: { access: "off" },
      ...more,
    }));
  }

  portOf(name: string): number {
    return this.#origins.get(name)!.port;
  }

  async register(sluice: Sluice, name: string, more: object = {}): Promise<Record<string, unknown>> {
    const body = { id: name, service: "shop", address: "127.0.0.1", port: this.portOf(name), ...more };
    const reply = await call(sluice, "POST", "/register", body);
    expect([200, 201], reply.text).toContain(reply.status);
    return reply.json();
  }

  async close(): Promise<void> {
    for (const origin of this.#origins.values()) await origin.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** The registry's API. */
export function call(sluice: Sluice, method: string, target: string, body?: object): Promise<FullReply> {
  const sent = body === undefined ? {} : { body: JSON.stringify(body) };
  return ask(sluice.port, { method, target: `/api/v1/services${target}`, ...sent });
}

/** Who answered how often. */
export async function asked(sluice: Sluice, times: number, parts: RequestParts = {}): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (let i = 0; i < times; i++) {
    const { status, text } = await ask(sluice.port, { target: "/shop/x", ...parts });
    const who = status === 200 ? text.split(" ")[0]! : String(status);
    counts[who] = (counts[who] ?? 0) + 1;
  }
  return counts;
}
