import { formatDiagnostic } from "../config/diagnostics.ts";
import { MASK } from "../config/mask.ts";
import type { Change, StoredObject } from "../store/store.ts";
import { RevisionConflict } from "../store/store.ts";
import type { AdminPorts, ChangeOutcome } from "./admin-ports.ts";
import type { JsonObject } from "./body.ts";
import { etagOf, isConditional, revisionFor, type WriteContext } from "./preconditions.ts";
import { Problem, problem } from "./problem.ts";
import { holdsMask, shownStored } from "./shown-config.ts";
import { givenName } from "./names.ts";

export type ConfigKind = "route" | "upstream";

/** How one kind of configuration object is named and shown. */
export interface ObjectShape {
  readonly kind: ConfigKind;
  /** `/api/routes` */
  readonly path: string;
  /** For one that asks for no name. @throws Problem */
  nameFor(value: JsonObject, others: readonly ShownObject[]): string;
  /** Everything that is served, and what is stored and switched off. */
  list(ports: AdminPorts): ShownObject[];
}

export interface ShownObject extends JsonObject {
  readonly id: string;
  /** `store`, or where it comes from and can be changed: `file:12:5`, `docker`. */
  readonly origin: string;
}

/** Reads and writes of routes or upstreams: what stands in the file, or was discovered, can be seen and not changed. */
export class ConfigObjects {
  readonly #ports: AdminPorts;
  readonly #shape: ObjectShape;

  constructor(ports: AdminPorts, shape: ObjectShape) {
    this.#ports = ports;
    this.#shape = shape;
  }

  list(): Response {
    return Response.json(this.#shape.list(this.#ports));
  }

  get(id: string): Response {
    const shown = this.#find(id);
    const stored = this.#stored(id);
    const headers = stored === null ? undefined : { ETag: etagOf(stored) };
    return Response.json(stored === null ? shown : this.#whole(shown, stored), { headers });
  }

  async create(value: JsonObject, context: WriteContext): Promise<Response> {
    const others = this.#shape.list(this.#ports);
    const given = givenName(value);
    const id = given ?? this.#shape.nameFor(value, others);
    if (others.some((shown) => shown.id === id)) {
      const hint = given === null ? ": if this is another one, give it a name" : "";
      throw new Problem(409, "conflict", { detail: `there is a ${this.#shape.kind} called "${id}" already${hint}` });
    }
    return this.#write(id, { value: withoutId(value), ifRevision: 0, status: 201 }, context);
  }

  async replace(id: string, value: JsonObject, context: WriteContext): Promise<Response> {
    this.#checkOwn(id);
    const stored = this.#stored(id);
    const name = givenName(value) ?? id;
    if (name !== id) {
      const detail = `the body is called ${JSON.stringify(name)} and the path ${JSON.stringify(id)}: a name stays`;
      throw new Problem(422, "invalid_configuration", { detail });
    }
    const status = stored === null ? 201 : 200;
    return this.#write(id, { value: withoutId(value), ifRevision: revisionFor(context, stored), status }, context);
  }

  async remove(id: string, context: WriteContext): Promise<Response> {
    this.#find(id);
    this.#checkOwn(id);
    return this.#write(id, { value: null, ifRevision: revisionFor(context, this.#stored(id)), status: 204 }, context);
  }

  async #write(
    id: string,
    { value, ifRevision, status }: { value: JsonObject | null; ifRevision: number | null; status: number },
    context: WriteContext,
  ): Promise<Response> {
    if (value !== null && holdsMask(value))
      throw new Problem(422, "invalid_configuration", {
        detail: `"${MASK}" is how secrets are shown, not a secret: send the real one`,
      });
    const { kind } = this.#shape;
    const { actor, dryRun } = context;
    const verb = value === null ? "delete" : status === 201 ? "create" : "update";
    const change: Change = {
      kind,
      id,
      value,
      ifRevision,
      audit: { actor, action: `${kind}.${verb}`, target: id, detail: changedKeys(value, this.#stored(id)?.value) },
    };
    try {
      const outcome = await this.#ports.change([change], { dryRun });
      return this.#answer(id, outcome, dryRun ? 200 : status);
    } catch (error) {
      if (!(error instanceof RevisionConflict)) throw error;
      const [status, code] = isConditional(context) ? [412, "precondition_failed"] : [409, "conflict"];
      return problem(Number(status), String(code), {
        detail: `${kind} "${id}" is not as you expect: ${error.message}`,
      });
    }
  }

  #answer(id: string, outcome: ChangeOutcome, status: number): Response {
    if (outcome.kind === "invalid")
      return problem(422, "invalid_configuration", {
        detail: "the configuration would not be valid",
        errors: outcome.errors,
      });
    if (outcome.kind === "refused") return problem(422, "configuration_refused", { detail: outcome.reason });
    const warnings = outcome.warnings.map(formatDiagnostic);
    if (outcome.kind === "valid") return Response.json({ valid: true, warnings });
    if (status === 204) return new Response(null, { status });
    // Somebody else's change may be there by now: the answer is about this one.
    const stored = outcome.stored[0]!;
    const headers = { ETag: etagOf(stored), Location: `${this.#shape.path}/${encodeURIComponent(id)}` };
    const shown = this.#shape.list(this.#ports).find((one) => one.id === id) ?? { id, origin: "store" };
    return Response.json({ ...this.#whole(shown, stored), warnings }, { status, headers });
  }

  #whole(shown: ShownObject, stored: StoredObject): object {
    const { kind } = this.#shape;
    return { ...shown, config: shownStored(kind, shown.id, stored.value, this.#ports) };
  }

  #find(id: string): ShownObject {
    const found = this.#shape.list(this.#ports).find((shown) => shown.id === id);
    if (found === undefined) throw new Problem(404, "not_found", { detail: `there is no ${this.#shape.kind} "${id}"` });
    return found;
  }

  #stored(id: string): StoredObject | null {
    return this.#ports.stored.get(this.#shape.kind, id);
  }

  #checkOwn(id: string): void {
    if (this.#stored(id) !== null) return;
    const shown = this.#shape.list(this.#ports).find((one) => one.id === id);
    if (shown === undefined) return;
    const where = shown.origin.startsWith("file")
      ? "stands in the configuration file: change it there"
      : `comes from ${shown.origin}`;
    throw new Problem(409, "not_stored", { detail: `${this.#shape.kind} "${id}" ${where}` });
  }
}

/** Which keys, and never what stands there: it may be a secret. */
function changedKeys(value: JsonObject | null, before: unknown): { changed?: string[] } {
  if (value === null) return {};
  const old = (before ?? {}) as JsonObject;
  const keys = [...new Set([...Object.keys(value), ...Object.keys(old)])];
  return { changed: keys.filter((key) => JSON.stringify(value[key]) !== JSON.stringify(old[key])) };
}

function withoutId(given: JsonObject): JsonObject {
  const value = { ...given };
  // The path says it, or the store.
  delete value.id;
  delete value.name;
  return value;
}
