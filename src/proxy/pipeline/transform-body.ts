import { HOOK_RUNS } from "./plugin-host.ts";
import type { ChunkTransform } from "../../contract/hooks.ts";
import type { Body } from "../../model/body.ts";
import { GatewayError } from "../../model/gateway-error.ts";
import type { HeaderMap } from "../../model/header-map.ts";
import type { Reply } from "../../model/reply.ts";
import { chunksThrough, decodersFor } from "./body-decoding.ts";
import type { HookRun } from "./hook-run.ts";
import type { Step, TransformStep } from "./step.ts";
import { chunksOf } from "./stream-transform.ts";
import { TransformedBody } from "./transformed-body.ts";

/** RFC 9110 §6.4.1: these have none, whatever their fields say. */
export function mayHaveBody(reply: Reply, method: string): boolean {
  return (
    reply.body !== null && method !== "HEAD" && reply.status >= 200 && reply.status !== 204 && reply.status !== 304
  );
}

/** What described the bytes as they were. */
const OF_THE_BYTES = ["content-length", "content-md5", "digest", "content-digest", "repr-digest"] as const;

/**
 * `body` with the transforms of `steps` around it, in order; the body itself when none of them wants it. The fields that a
 * transform makes untrue are taken out of `headers`.
 */
export function transformBody(
  steps: readonly TransformStep[],
  run: HookRun,
  headers: HeaderMap,
  body: Body,
): Body | GatewayError {
  let transformed = body;
  for (const step of steps) {
    const transform = make(step, run);
    if (transform === undefined) continue;
    if (transform instanceof GatewayError) return transform;
    if (step.instance.plugin!.bodyOptions.decode) {
      const decoded = decode(transformed, headers, run);
      if (decoded instanceof GatewayError) return decoded;
      transformed = decoded;
    }
    transformed = new TransformedBody(transformed, transform, (cause) => failure(step, run, cause));
  }
  if (transformed !== body) forgetBytes(headers);
  return transformed;
}

function make(step: TransformStep, run: HookRun): ChunkTransform | GatewayError | undefined {
  const { cell } = run;
  const began = run.now();
  cell[0] = step.label;
  try {
    const made = step.make(run.context as never);
    if (made === undefined) return undefined;
    if (made instanceof TransformStream) return chunksOf(made);
    if (typeof (made as ChunkTransform | null)?.chunk === "function")
      return watched(made as ChunkTransform, step, cell);
    throw new TypeError("returned neither a TransformStream nor an object with a chunk function, nor undefined");
  } catch (cause) {
    return run.verdicts.failed(asStep(step), cause);
  } finally {
    cell[0] = 0;
    step.timing.record(run.now() - began);
  }
}

/** Says who runs while a chunk is worked on. */
function watched(transform: ChunkTransform, step: TransformStep, cell: Int32Array): ChunkTransform {
  const { label } = step;
  const chunk: ChunkTransform["chunk"] = (bytes, push) => {
    cell[0] = label;
    cell[HOOK_RUNS]!++;
    try {
      return transform.chunk(bytes, push);
    } finally {
      cell[0] = 0;
    }
  };
  const abort = () => transform.abort?.();
  return transform.end === undefined ? { chunk, abort } : { chunk, abort, end: (push) => transform.end!(push) };
}

function decode(body: Body, headers: HeaderMap, run: HookRun): Body | GatewayError {
  const decoders = decodersFor(headers);
  if (typeof decoders === "string")
    return run.verdicts.pluginFailed(`a transform wants decoded bytes, and nobody here knows the coding "${decoders}"`);
  headers.remove("content-encoding");
  const kind = run.phase === "requestBody" ? "bad_request" : "upstream_bad_response";
  const broken = (cause: unknown) => new GatewayError(kind, `the body cannot be decoded: ${String(cause)}`);
  return decoders.reduce<Body>((inner, stream) => new TransformedBody(inner, chunksThrough(stream), broken), body);
}

/** After the head was sent there is nothing to answer with: whatever `onError` says, the body is cut short. */
function failure(step: TransformStep, run: HookRun, cause: unknown): GatewayError {
  const error = run.verdicts.failed({ ...asStep(step), use: { ...step.use, onError: "fail" } }, cause);
  return error instanceof GatewayError ? error : run.verdicts.pluginFailed(String(cause), cause);
}

function asStep(step: TransformStep): Step {
  return { ...step, phase: step.name as never, run: step.make };
}

function forgetBytes(headers: HeaderMap): void {
  for (const name of OF_THE_BYTES) headers.remove(name);
  const etag = headers.first("etag");
  if (etag !== null && !etag.startsWith("W/")) headers.replace("ETag", `W/${etag}`);
}
