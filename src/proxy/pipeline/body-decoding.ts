import { constants, createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from "node:zlib";
import type { Transform as NodeTransform } from "node:stream";
import type { ChunkTransform } from "../../contract/hooks.ts";
import type { HeaderMap } from "../../model/header-map.ts";

const DECODERS: Readonly<Record<string, () => NodeTransform>> = {
  gzip: () => createGunzip(),
  "x-gzip": () => createGunzip(),
  deflate: () => createInflate(),
  br: () => createBrotliDecompress(),
  zstd: () => createZstdDecompress({ params: { [constants.ZSTD_d_windowLogMax]: 23 } }),
};

/**
 * What undoes the `Content-Encoding` of a message, innermost coding first; empty where there is none.
 * @returns the name of a coding that nobody here knows.
 */
export function decodersFor(headers: HeaderMap): NodeTransform[] | string {
  const codings = (headers.get("content-encoding") ?? "")
    .split(",")
    .map((coding) => coding.trim().toLowerCase())
    .filter((coding) => coding !== "" && coding !== "identity");
  const unknown = codings.find((coding) => !Object.hasOwn(DECODERS, coding));
  if (unknown !== undefined) return unknown;
  return codings.toReversed().map((coding) => DECODERS[coding]!());
}

/** A Node transform as one of ours: a chunk's promise is settled when the stream wants the next. */
export function chunksThrough(stream: NodeTransform): ChunkTransform {
  let push: (bytes: Uint8Array) => void = () => undefined;
  let broken: ((error: unknown) => void) | null = null;
  let error: unknown = null;
  stream.on("data", (bytes: Uint8Array) => push(bytes));
  stream.on("error", (cause) => {
    error = cause;
    broken?.(cause);
  });
  return {
    chunk(bytes, to) {
      push = to;
      if (error !== null) throw error;
      return new Promise((resolve, reject) => {
        broken = reject;
        stream.write(bytes, () => (error === null ? resolve() : reject(error)));
      });
    },
    end(to) {
      push = to;
      if (error !== null) throw error;
      return new Promise((resolve, reject) => {
        broken = reject;
        stream.once("end", resolve);
        stream.end();
      });
    },
    abort: () => void stream.destroy(),
  };
}
