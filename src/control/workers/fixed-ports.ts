import { createServer, type Server } from "node:net";
import type { ListenerSpec } from "../../model/snapshot-spec.ts";
import { BindError } from "../../proxy/listener/listener-set.ts";

/** Port 0 means any port, but the same one for all workers: it is picked here, once for each listener. */
export class FixedPorts {
  readonly #picked = new Map<string, number>();

  /** The listeners with real ports. @throws BindError */
  async fix(listeners: readonly ListenerSpec[]): Promise<ListenerSpec[]> {
    const probes: Server[] = [];
    try {
      const fixed: ListenerSpec[] = [];
      for (const spec of listeners)
        fixed.push(spec.port === 0 ? { ...spec, port: await this.#portOf(spec, probes) } : spec);
      return fixed;
    } finally {
      for (const probe of probes) await new Promise((resolve) => probe.close(resolve));
    }
  }

  async #portOf(spec: ListenerSpec, probes: Server[]): Promise<number> {
    const key = `${spec.name} ${spec.host}`;
    const known = this.#picked.get(key);
    if (known !== undefined) return known;
    const probe = createServer();
    const port = await new Promise<number>((resolve, reject) => {
      probe.once("error", (cause) => reject(new BindError(spec, cause)));
      probe.listen({ host: spec.host, port: 0, exclusive: true }, () => {
        resolve((probe.address() as { port: number }).port);
      });
    });
    // Held until all are picked, so that no two get the same.
    probes.push(probe);
    this.#picked.set(key, port);
    return port;
  }
}
