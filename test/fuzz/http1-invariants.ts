import { GatewayError } from "../../src/model/gateway-error.ts";
import { CHUNKED, type Framing, NO_BODY, UNTIL_CLOSE } from "../../src/proxy/http1/body-framing.ts";
import { ChunkedDecoder } from "../../src/proxy/http1/chunked-decoder.ts";
import { HeadScanner } from "../../src/proxy/http1/head-scanner.ts";
import { writeRequestHead, writeResponseHead } from "../../src/proxy/http1/head-writer.ts";
import { parseRequestHead, type RequestHead } from "../../src/proxy/http1/request-head.ts";
import { parseResponseHead, type ResponseHead } from "../../src/proxy/http1/response-head.ts";
import { dechunkNaively, readNaively, valuesOf } from "./naive-reader.ts";

const LIMITS = { maxHeaderBytes: 8192, maxUriBytes: 4096 };
const scratch = Buffer.alloc(64 * 1024);

/** Thrown when the codec breaks a promise. */
export class Broken extends Error {}

export type Outcome = "accepted" | "refused" | "incomplete";

function demand(holds: boolean, what: string): void {
  if (!holds) throw new Broken(what);
}

function scan(bytes: Buffer, side: "request" | "response"): { start: number; end: number } | GatewayError | null {
  const scanner = new HeadScanner({
    maxHeadBytes: LIMITS.maxHeaderBytes,
    emptyLines: side === "request" ? "skip" : "refuse",
  });
  const end = scanner.scan(bytes, 0);
  if (end instanceof GatewayError) return end;
  return end < 0 ? null : { start: scanner.start, end };
}

/** One octet after the other through the scanner finds the same head. */
function demandSameScan(
  bytes: Buffer,
  side: "request" | "response",
  found: { start: number; end: number } | null,
): void {
  const scanner = new HeadScanner({
    maxHeadBytes: LIMITS.maxHeaderBytes,
    emptyLines: side === "request" ? "skip" : "refuse",
  });
  for (let length = 1; length <= bytes.length; length++) {
    const end = scanner.scan(bytes.subarray(0, length), 0);
    // A bare LF is refused at once where a whole head is refused by its parser.
    if (end instanceof GatewayError)
      return demand(
        found === null || parseEither(bytes, side, found) instanceof GatewayError,
        "pieces refused, whole accepted",
      );
    if (end >= 0)
      return demand(
        found !== null && end === found.end && scanner.start === found.start,
        "pieces and whole end elsewhere",
      );
  }
  demand(found === null, "pieces incomplete, whole complete");
}

function parseEither(bytes: Buffer, side: "request" | "response", at: { start: number; end: number }) {
  return side === "request"
    ? parseRequestHead(bytes, at.start, at.end, LIMITS)
    : parseResponseHead(bytes, at.start, at.end, "GET");
}

export function checkRequest(bytes: Buffer): Outcome {
  const found = scan(bytes, "request");
  if (found instanceof GatewayError) return "refused";
  demandSameScan(bytes, "request", found);
  if (found === null) return "incomplete";
  const head = parseRequestHead(bytes, found.start, found.end, LIMITS);
  if (head instanceof GatewayError) return "refused";
  demandNaive(bytes.latin1Slice(0, bytes.length), found.end + 4, head.framing);
  const own = {
    framing: head.framing,
    connection: head.keepAlive ? null : ("close" as const),
    upgrade: head.upgrade,
    teTrailers: head.teTrailers,
  };
  // HTTP/1.0 may come without Host; it goes on with the endpoint's, as in forwardedAuthority.
  const { method, target, headers } = head;
  const authority = head.authority === "" ? "endpoint" : head.authority;
  const size = writeRequestHead(scratch, 0, { method, target, authority, headers }, own);
  demand(size > 0, "an accepted request cannot be written");
  const text = scratch.latin1Slice(0, size);
  demandNaive(text, size, head.framing);
  demandSameRequest(head, parseRequestHead(scratch, 0, size - 4, { maxHeaderBytes: 65536, maxUriBytes: 65536 }));
  return "accepted";
}

function demandSameRequest(head: RequestHead, again: RequestHead | GatewayError): void {
  if (again instanceof GatewayError) throw new Broken(`what was written is refused: ${again.detail}`);
  // HTTP/1.0 goes on as HTTP/1.1, where Expect means something again.
  if (head.authority !== "") demand(head.authority === again.authority && head.host === again.host, "the host changed");
  for (const key of ["method", "target", "framing", "upgrade", "teTrailers", "keepAlive"] as const) {
    demand(head[key] === again[key], `${key} changed on the way`);
  }
  demandSameFields(head, again);
}

export function checkResponse(bytes: Buffer): Outcome {
  const found = scan(bytes, "response");
  if (found instanceof GatewayError) return "refused";
  demandSameScan(bytes, "response", found);
  if (found === null) return "incomplete";
  const head = parseResponseHead(bytes, found.start, found.end, "GET");
  if (head instanceof GatewayError) return "refused";
  if (head.framing !== NO_BODY) demandNaive(bytes.latin1Slice(0, bytes.length), found.end + 4, head.framing);
  const own = {
    framing: head.framing,
    connection: head.keepAlive ? null : ("close" as const),
    upgrade: head.upgrade,
    teTrailers: false,
  };
  const size = writeResponseHead(scratch, 0, head, own);
  demand(size > 0, "an accepted response cannot be written");
  if (head.framing !== NO_BODY) demandNaive(scratch.latin1Slice(0, size), size, head.framing);
  const again = parseResponseHead(scratch, 0, size - 4, "GET");
  if (again instanceof GatewayError) throw new Broken(`what was written is refused: ${again.detail}`);
  for (const key of ["status", "reason", "framing", "upgrade"] as const)
    demand(head[key] === again[key], `${key} changed on the way`);
  demandSameFields(head, again);
  return "accepted";
}

// The value of Content-Length is written anew: 005 as 5. A Host that was missing is added.
function demandSameFields(head: RequestHead | ResponseHead, again: RequestHead | ResponseHead): void {
  const fields = (of: RequestHead | ResponseHead) =>
    [...of.headers].filter(([name]) => !/^(content-length|host)$/i.test(name)).join("\n");
  demand(fields(head) === fields(again), "the fields changed on the way");
}

/** A lenient reader finds the same end of the head and the same framing. */
function demandNaive(text: string, bytes: number, framing: Framing): void {
  const naive = readNaively(text);
  demand(naive !== null && naive.bytes === bytes, "a lenient reader ends the head elsewhere");
  const lengths = valuesOf(naive!, "content-length");
  const codings = valuesOf(naive!, "transfer-encoding");
  demand(lengths.length + codings.length <= 1, "a lenient reader sees several framings");
  if (framing === CHUNKED)
    demand(codings.length === 1 && codings[0]!.toLowerCase() === "chunked", "a lenient reader sees no chunked");
  else if (framing >= 0) demand(Number(lengths[0]) === framing, "a lenient reader sees another length");
  else if (framing === NO_BODY || framing === UNTIL_CLOSE)
    demand(codings.length === 0 && (lengths.length === 0 || Number(lengths[0]) === 0), "a lenient reader sees a body");
}

export function checkChunked(bytes: Buffer): Outcome {
  const whole = decode(bytes, bytes.length);
  const octets = decode(bytes, 1);
  demand(JSON.stringify(whole) === JSON.stringify(octets), "pieces and whole decode differently");
  if (whole.state !== "done") return whole.state === "failed" ? "refused" : "incomplete";
  const naive = dechunkNaively(bytes.latin1Slice(0, bytes.length));
  demand(
    naive !== null && naive.data === whole.data && naive.bytes === whole.taken,
    "a lenient decoder reads another body",
  );
  return "accepted";
}

function decode(bytes: Buffer, step: number) {
  const decoder = new ChunkedDecoder({ maxTrailerBytes: 2048, fault: "bad_request" });
  let data = "";
  const out = { write: (chunk: Uint8Array) => (data += Buffer.from(chunk).toString("latin1")).length >= 0 };
  let taken = 0;
  while (taken < bytes.length && !decoder.done && decoder.failure === null) {
    taken = decoder.feed(bytes, taken, Math.min(bytes.length, taken + step), out);
  }
  const state = decoder.done ? "done" : decoder.failure === null ? "more" : "failed";
  // Where a failed decoder stopped does not matter: the connection is over.
  return {
    data: state === "failed" ? "" : data,
    taken: state === "failed" ? 0 : taken,
    state,
    trailers: decoder.trailers && [...decoder.trailers],
  };
}
