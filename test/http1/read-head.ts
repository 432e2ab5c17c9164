import { GatewayError } from "../../src/model/gateway-error.ts";
import { HeadScanner } from "../../src/proxy/http1/head-scanner.ts";
import { parseRequestHead, type RequestHead } from "../../src/proxy/http1/request-head.ts";
import { parseResponseHead, type ResponseHead } from "../../src/proxy/http1/response-head.ts";

export const LIMITS = { maxHeaderBytes: 16 * 1024, maxUriBytes: 4 * 1024 };

/** `null`: the bytes do not hold a whole head. */
export type Read<T> = T | GatewayError | null;

/** Reads a request head from pieces as an edge does: gather, scan, parse. */
export function readRequestPieces(pieces: readonly Buffer[]): Read<RequestHead> {
  const scanner = new HeadScanner({ maxHeadBytes: LIMITS.maxHeaderBytes, emptyLines: "skip" });
  let bytes = Buffer.alloc(0);
  for (const piece of pieces) {
    bytes = Buffer.concat([bytes, piece]);
    const end = scanner.scan(bytes, 0);
    if (end instanceof GatewayError) return end;
    if (end >= 0) return parseRequestHead(bytes, scanner.start, end, LIMITS);
  }
  return null;
}

export function readRequest(text: string): Read<RequestHead> {
  return readRequestPieces([Buffer.from(text, "latin1")]);
}

export function readResponse(text: string, requestMethod = "GET"): Read<ResponseHead> {
  const bytes = Buffer.from(text, "latin1");
  const scanner = new HeadScanner({ maxHeadBytes: LIMITS.maxHeaderBytes, emptyLines: "refuse" });
  const end = scanner.scan(bytes, 0);
  if (end instanceof GatewayError) return end;
  return end < 0 ? null : parseResponseHead(bytes, scanner.start, end, requestMethod);
}

export function request(text: string): RequestHead {
  return accepted(readRequest(text));
}

export function response(text: string, requestMethod = "GET"): ResponseHead {
  return accepted(readResponse(text, requestMethod));
}

function accepted<T>(head: Read<T>): T {
  if (head === null) throw new Error("incomplete head");
  if (head instanceof GatewayError) throw new Error(`${head.kind}: ${head.detail}`);
  return head;
}

/** Cuts `bytes` at the given places. */
export function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const sorted = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  const pieces: Buffer[] = [];
  let from = 0;
  for (const place of [...sorted, bytes.length]) {
    if (place > from) pieces.push(bytes.subarray(from, place));
    from = place;
  }
  return pieces;
}
