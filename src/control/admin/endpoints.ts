import { createHash } from "node:crypto";
import { endpointId } from "../../proxy/upstream/endpoint.ts";
import type { AdminPorts, EndpointView } from "./admin-ports.ts";
import type { JsonObject } from "./body.ts";
import type { WriteContext } from "./preconditions.ts";
import type { EndpointOrder } from "../store/endpoint-orders.ts";
import type { Change } from "../store/store.ts";
import { Problem, problem } from "./problem.ts";

interface ShownEndpoint extends EndpointView {
  readonly id: string;
  /** Its share as it is served; null: it is no longer configured, and what runs there finishes. */
  readonly weight: number | null;
  /** An operator said so. */
  readonly draining: boolean;
}

/** The endpoints of all upstreams as they are at the moment, and what an operator may say of them while they live. */
export class EndpointsResource {
  readonly #ports: AdminPorts;

  constructor(ports: AdminPorts) {
    this.#ports = ports;
  }

  async list(): Promise<Response> {
    return Response.json(await this.#all());
  }

  async ofUpstream(name: string): Promise<Response> {
    if (!this.#ports.spec.upstreams.some((upstream) => upstream.name === name))
      throw new Problem(404, "not_found", { detail: `there is no upstream "${name}"` });
    const endpoints = (await this.#all()).filter(({ upstream }) => upstream === name);
    const isUp = endpoints.some(({ standing }) => standing === "available");
    return Response.json({ upstream: name, status: isUp ? "UP" : "DOWN", endpoints });
  }

  /** `{ weight?, draining? }`, kept; `weight: null` is what the configuration says. */
  async order(id: string, body: JsonObject, { actor, dryRun }: WriteContext): Promise<Response> {
    const endpoint = (await this.#all()).find((one) => one.id === id);
    if (endpoint === undefined) throw new Problem(404, "not_found", { detail: `there is no endpoint "${id}"` });
    const { weight = null, draining = false, ...rest } = body;
    const [unknown] = Object.keys(rest);
    if (unknown !== undefined) throw wrong(`unknown key "${unknown}": weight and draining are known`);
    if (weight !== null && !(Number.isInteger(weight) && (weight as number) >= 0 && (weight as number) <= 1_000_000))
      throw wrong("weight is a whole number from 0 to 1000000, or null for the configured one");
    if (typeof draining !== "boolean") throw wrong("draining is true or false");
    const { upstream, endpoint: address } = endpoint;
    const order: EndpointOrder = { upstream, endpoint: address, weight: weight as number | null, draining };
    const isPlain = weight === null && !draining;
    const audit = { actor, action: "endpoint.order", target: id, detail: { weight, draining } };
    const change: Change = { kind: "endpoint", id, value: isPlain ? null : order, ifRevision: null, audit };
    const outcome = await this.#ports.change([change], { dryRun });
    if (outcome.kind === "invalid") return problem(422, "invalid_configuration", { errors: outcome.errors });
    if (outcome.kind === "refused") return problem(422, "configuration_refused", { detail: outcome.reason });
    if (outcome.kind === "valid") return Response.json({ valid: true, warnings: [] });
    return Response.json((await this.#all()).find((one) => one.id === id) ?? endpoint);
  }

  async #all(): Promise<ShownEndpoint[]> {
    const views = await this.#ports.endpoints();
    const { spec, stored } = this.#ports;
    const weights = new Map(
      spec.upstreams.flatMap(({ name, endpoints }) =>
        endpoints.map((endpoint) => [`${name} ${endpointId(endpoint)}`, endpoint.weight]),
      ),
    );
    return views.map((view) => {
      const id = idOf(view);
      const order = stored.get("endpoint", id)?.value as EndpointOrder | undefined;
      const weight = weights.get(`${view.upstream} ${view.endpoint}`) ?? null;
      return { id, ...view, weight, draining: order?.draining ?? false };
    });
  }
}

/** An address does not fit into a path: its upstream and a few digits of a hash do. */
function idOf({ upstream, endpoint }: EndpointView): string {
  return `${upstream}.${createHash("sha256").update(endpoint).digest("hex").slice(0, 8)}`;
}

function wrong(detail: string): Problem {
  return new Problem(422, "invalid_request", { detail });
}
