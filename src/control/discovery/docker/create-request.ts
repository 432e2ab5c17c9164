import { didYouMean } from "../../../contract/edit-distance.ts";
import { DockerError } from "./docker-error.ts";
import { readImageReference, type ImageReference } from "./image-reference.ts";

/** A container somebody wants: `{"image": "nginx", "tag": "latest", "name": "shop"}`. */
export interface CreateRequest {
  readonly image: ImageReference;
  /** null: one is made up. */
  readonly name: string | null;
  /** null: the lowest that the image exposes. */
  readonly port: number | null;
  readonly env: Readonly<Record<string, string>>;
}

const FIELDS = ["image", "tag", "name", "port", "env"];
/** It becomes a host: Docker itself would take more, but nothing shorter. */
const NAME = /^[a-z0-9][a-z0-9-]{0,61}[a-z0-9]$/;
const ENV_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;
const MOST_ENV = 100;
const LONGEST_ENV = 8192;

/** @throws DockerError which says what is wrong */
export function readCreateRequest(body: unknown): CreateRequest {
  if (typeof body !== "object" || body === null || Array.isArray(body))
    throw invalid("expected an object with `image`");
  const fields = body as Readonly<Record<string, unknown>>;
  const unknown = Object.keys(fields).find((key) => !FIELDS.includes(key));
  if (unknown !== undefined)
    throw invalid(
      `${unknown}: there is no such field; ${didYouMean(unknown, FIELDS) ?? `known are ${FIELDS.join(", ")}`}`,
    );
  const { image, tag, name = null, port = null, env = {} } = fields;
  if (typeof image !== "string") throw invalid("image: expected an image such as nginx");
  if (tag !== undefined && tag !== null && typeof tag !== "string") throw invalid("tag: expected text such as latest");
  if (name !== null && (typeof name !== "string" || !NAME.test(name)))
    throw invalid("name: expected 2 to 63 lower-case letters, digits and dashes: it becomes a host");
  if (port !== null && !(Number.isInteger(port) && (port as number) >= 1 && (port as number) <= 65_535))
    throw invalid("port: expected a whole number from 1 to 65535");
  return { image: readImageReference(image, tag ?? null), name, port: port as number | null, env: readEnv(env) };
}

function readEnv(env: unknown): Record<string, string> {
  if (typeof env !== "object" || env === null || Array.isArray(env)) throw invalid("env: expected an object of texts");
  const entries = Object.entries(env);
  if (entries.length > MOST_ENV) throw invalid(`env: at most ${MOST_ENV} variables`);
  return Object.fromEntries(
    entries.map(([name, value]: [string, unknown]) => {
      if (!ENV_NAME.test(name)) throw invalid(`env: ${JSON.stringify(name.slice(0, 100))} is not a variable's name`);
      if (typeof value !== "string" || value.includes("\0") || value.length > LONGEST_ENV)
        throw invalid(`env.${name}: expected text without NUL, at most ${LONGEST_ENV} characters`);
      return [name, value];
    }),
  );
}

function invalid(message: string): DockerError {
  return new DockerError("invalid", message);
}
