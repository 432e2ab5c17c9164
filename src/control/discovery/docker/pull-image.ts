import type { DockerClient } from "./docker-client.ts";
import { DockerError } from "./docker-error.ts";
import { fieldsOf, textOf } from "./engine-json.ts";
import type { ImageReference } from "./image-reference.ts";

/** How far a pull is. Totals grow as layers become known. */
export interface PullProgress {
  readonly layers: { readonly done: number; readonly total: number };
  readonly bytes: { readonly done: number; readonly total: number };
}

interface Layer {
  done: number;
  total: number;
  isComplete: boolean;
}

/** A registry is asked before the first word comes. */
const FIRST_WORD_MS = 60_000;

/** @throws DockerError with the registry's reason */
export async function pullImage(
  client: DockerClient,
  image: ImageReference,
  onProgress: (progress: PullProgress) => void,
  signal: AbortSignal,
): Promise<void> {
  const layers = new Map<string, Layer>();
  for await (const line of await begin(client, image, signal)) {
    const fields = fieldsOf(line);
    const error = textOf(fields.error) || textOf(fieldsOf(fields.errorDetail).message);
    if (error !== "") throw refusal(image, error);
    if (note(layers, fields)) onProgress(sum(layers));
  }
  if (signal.aborted) throw new DockerError("timeout", `pulling ${image.text} was given up`);
}

async function begin(
  client: DockerClient,
  image: ImageReference,
  signal: AbortSignal,
): Promise<AsyncIterable<unknown>> {
  const query = { fromImage: image.name, tag: image.version };
  try {
    return await client.stream({ method: "POST", path: "/images/create", query, timeoutMs: FIRST_WORD_MS, signal });
  } catch (error) {
    // A registry's refusal comes as the engine's own failure.
    const isTheirs = error instanceof DockerError && (error.kind === "failed" || error.kind === "not-found");
    throw isTheirs ? refusal(image, error.message) : error;
  }
}

function refusal({ text }: ImageReference, error: string): DockerError {
  const isMissing = /not found|manifest unknown|does not exist|access denied/i.test(error);
  return new DockerError(isMissing ? "not-found" : "failed", `${text} cannot be pulled: ${error}`);
}

/** @returns whether it was about a layer */
function note(layers: Map<string, Layer>, line: Readonly<Record<string, unknown>>): boolean {
  const id = textOf(line.id);
  const status = textOf(line.status);
  if (!/^[0-9a-f]{12}$/.test(id)) return false;
  const layer = layers.get(id) ?? { done: 0, total: 0, isComplete: false };
  layers.set(id, layer);
  if (status === "Pull complete" || status === "Already exists") layer.isComplete = true;
  if (status === "Download complete" || layer.isComplete) layer.done = layer.total;
  if (status !== "Downloading") return true;
  const { current, total } = fieldsOf(line.progressDetail);
  if (typeof current === "number") layer.done = current;
  if (typeof total === "number") layer.total = total;
  return true;
}

function sum(layers: ReadonlyMap<string, Layer>): PullProgress {
  const all = [...layers.values()];
  const of = (key: "done" | "total") => all.reduce((sum, layer) => sum + layer[key], 0);
  const complete = all.filter(({ isComplete }) => isComplete).length;
  return { layers: { done: complete, total: all.length }, bytes: { done: of("done"), total: of("total") } };
}
