import type { AdminPorts } from "./admin-ports.ts";
import { reload } from "./configuration.ts";
import { Problem } from "./problem.ts";

/** The plugins that the configuration names. */
export class PluginsResource {
  readonly #ports: AdminPorts;

  constructor(ports: AdminPorts) {
    this.#ports = ports;
  }

  list(): Response {
    return Response.json(this.#ports.plugins);
  }

  /** Its file is looked at again, with everything else. */
  async reload(name: string, actor: string): Promise<Response> {
    if (!this.#ports.plugins.some((plugin) => plugin.name === name)) throw unknown(name);
    return reload(this.#ports, { actor, action: "plugin.reload", target: name });
  }

  async reset(name: string, actor: string): Promise<Response> {
    if (!(await this.#ports.resetPlugin(name))) throw unknown(name);
    await this.#ports.store.record({ actor, action: "plugin.reset", target: name, detail: {} });
    return new Response(null, { status: 204 });
  }
}

function unknown(name: string): Problem {
  return new Problem(404, "not_found", { detail: `there is no plugin "${name}"` });
}
