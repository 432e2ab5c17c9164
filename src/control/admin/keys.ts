import { createKey, keyExpiryProblem, keyNameProblem, keyScopesProblem } from "../keys.ts";
import { RevisionConflict } from "../store/store.ts";
import type { AdminPorts } from "./admin-ports.ts";
import type { WriteContext } from "./preconditions.ts";
import type { JsonObject } from "./body.ts";
import { Problem, problem } from "./problem.ts";

/** API keys for `auth: required`: what is kept is a hash, and the key itself is shown once. */
export class KeysResource {
  readonly #ports: AdminPorts;

  constructor(ports: AdminPorts) {
    this.#ports = ports;
  }

  /** Those of the file, too: without hashes. */
  list(): Response {
    const stored = this.#ports.stored.list("key");
    const kept = stored.map(({ id, value, updatedAt }) => ({
      id,
      ...shownKey(value as JsonObject),
      origin: "store",
      createdAt: updatedAt,
    }));
    const written = this.#written.map((entry) => ({ id: entry.name, ...shownKey(entry), origin: "file" }));
    return Response.json([...written, ...kept]);
  }

  /** With a name, in the file. */
  get #written(): JsonObject[] {
    const { config, stored } = this.#ports;
    const entries = (config.security?.auth?.keys ?? []) as ReadonlyArray<JsonObject | string>;
    return entries.filter(
      (entry) => typeof entry === "object" && typeof entry.name === "string" && stored.get("key", entry.name) === null,
    ) as JsonObject[];
  }

  #isWritten(name: string): boolean {
    return this.#written.some((entry) => entry.name === name);
  }

  async create(body: JsonObject, { actor, dryRun }: WriteContext): Promise<Response> {
    const request = checkedRequest(body);
    if (this.#isWritten(request.name))
      throw new Problem(409, "conflict", {
        detail: `there is a key called "${request.name}" in the configuration file`,
      });
    const { key, entry } = createKey(request);
    const { hash: _, ...shown } = entry;
    const audit = { actor, action: "key.create", target: request.name, detail: shown };
    const change = { kind: "key", id: request.name, value: entry, ifRevision: 0, audit } as const;
    try {
      const outcome = await this.#ports.change([change], { dryRun });
      if (outcome.kind === "invalid") return problem(422, "invalid_configuration", { errors: outcome.errors });
      if (outcome.kind === "refused") return problem(422, "configuration_refused", { detail: outcome.reason });
      if (outcome.kind === "valid") return Response.json({ valid: true, warnings: [] });
      return Response.json(
        { id: request.name, ...shown, key },
        { status: 201, headers: { "Cache-Control": "no-store" } },
      );
    } catch (error) {
      if (!(error instanceof RevisionConflict)) throw error;
      return problem(409, "conflict", { detail: `there is a key called "${request.name}" already` });
    }
  }

  async remove(id: string, { actor, dryRun }: WriteContext): Promise<Response> {
    if (this.#isWritten(id))
      throw new Problem(409, "not_stored", { detail: `key "${id}" stands in the configuration file: remove it there` });
    if (this.#ports.stored.get("key", id) === null)
      throw new Problem(404, "not_found", { detail: `there is no stored key "${id}"` });
    const audit = { actor, action: "key.delete", target: id, detail: {} };
    const outcome = await this.#ports.change([{ kind: "key", id, value: null, ifRevision: null, audit }], { dryRun });
    if (outcome.kind === "refused") return problem(422, "configuration_refused", { detail: outcome.reason });
    if (outcome.kind === "invalid") return problem(422, "invalid_configuration", { errors: outcome.errors });
    return outcome.kind === "valid"
      ? Response.json({ valid: true, warnings: [] })
      : new Response(null, { status: 204 });
  }
}

function shownKey({ name, scopes, expires }: JsonObject): { name: unknown; scopes: unknown; expires: unknown } {
  return { name, scopes: scopes ?? [], expires: expires ?? null };
}

function checkedRequest(body: JsonObject): { name: string; scopes?: string[]; expires?: string } {
  const { name, scopes, expires, ...rest } = body;
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) throw wrong(`unknown key "${unknown}": name, scopes and expires are known`);
  if (typeof name !== "string") throw wrong("name is needed");
  const nameProblem = keyNameProblem(name);
  if (nameProblem !== null) throw wrong(`name ${nameProblem}`);
  if (scopes !== undefined && !isTexts(scopes)) throw wrong("scopes is a list of texts");
  const scopesProblem = keyScopesProblem(scopes ?? []);
  if (scopesProblem !== null) throw wrong(`scopes ${scopesProblem}`);
  if (expires !== undefined && typeof expires !== "string") throw wrong("expires is a text");
  const expiryProblem = expires === undefined ? null : keyExpiryProblem(expires, Date.now());
  if (expiryProblem !== null) throw wrong(`expires ${expiryProblem}`);
  return { name, ...(scopes === undefined ? {} : { scopes }), ...(expires === undefined ? {} : { expires }) };
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}

function wrong(detail: string): Problem {
  return new Problem(422, "invalid_request", { detail });
}
