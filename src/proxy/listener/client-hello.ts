/** What a TLS client says first, as far as the choice of a certificate needs it (RFC 8446 §4.1.2, RFC 6066 §3). */
export interface ClientHello {
  /** Lower case; null: the client named none, or nothing that can be read. The handshake itself judges the rest. */
  readonly serverName: string | null;
}

/** `more`: a proper beginning; `not-tls`: something else speaks here. */
export type HelloParse = ClientHello | "more" | "not-tls";

const HANDSHAKE_RECORD = 22;
const CLIENT_HELLO = 1;
const SERVER_NAME_EXTENSION = 0;
const RECORD_HEADER = 5;
/** RFC 8446 §5.1. */
const MAX_RECORD = 16_384;
/** Key shares of the post-quantum kind make 2 KiB; more than this is no ClientHello a browser sends. */
const MAX_HELLO = 32 * 1024;
const NAMELESS: ClientHello = { serverName: null };

/** Reads the ClientHello at the start of `bytes`. Pure: with more of the same connection it gives the same answer. */
export function parseClientHello(bytes: Buffer): HelloParse {
  const hello = helloMessage(bytes);
  if (typeof hello === "string") return hello;
  try {
    return { serverName: serverNameOf(hello) };
  } catch (error) {
    // Lengths that lie: the handshake will say so to the client.
    if (error instanceof RangeError) return NAMELESS;
    throw error;
  }
}

/** The handshake message without its header, put together from the records it was cut into. */
function helloMessage(bytes: Buffer): Buffer | "more" | "not-tls" {
  let message: Buffer | null = null;
  for (let at = 0; ;) {
    if (bytes.byteLength > at && bytes[at] !== HANDSHAKE_RECORD) return "not-tls";
    if (bytes.byteLength > at + 1 && bytes[at + 1] !== 3) return "not-tls";
    if (bytes.byteLength < at + RECORD_HEADER) return "more";
    const size = bytes.readUInt16BE(at + 3);
    if (size === 0 || size > MAX_RECORD) return "not-tls";
    const fragment = bytes.subarray(at + RECORD_HEADER, at + RECORD_HEADER + size);
    message = message === null ? fragment : Buffer.concat([message, fragment]);
    if (message.byteLength > 0 && message[0] !== CLIENT_HELLO) return "not-tls";
    if (message.byteLength >= 4) {
      const length = message.readUIntBE(1, 3);
      if (length > MAX_HELLO) return "not-tls";
      if (message.byteLength >= 4 + length) return message.subarray(4, 4 + length);
    }
    if (fragment.byteLength < size) return "more";
    at += RECORD_HEADER + size;
  }
}

/** @throws RangeError when a length points outside. */
function serverNameOf(hello: Buffer): string | null {
  // legacy_version, random; then session id, cipher suites and compression methods, each behind its length.
  let at = 2 + 32;
  at += 1 + hello.readUInt8(at);
  at += 2 + hello.readUInt16BE(at);
  at += 1 + hello.readUInt8(at);
  if (at >= hello.byteLength) return null;
  const end = at + 2 + hello.readUInt16BE(at);
  for (at += 2; at < end;) {
    const type = hello.readUInt16BE(at);
    const size = hello.readUInt16BE(at + 2);
    at += 4;
    if (type === SERVER_NAME_EXTENSION) return hostName(hello.subarray(at, at + size));
    at += size;
  }
  return null;
}

/** The list may hold one name of each type, and there is but one type (RFC 6066 §3). */
function hostName(list: Buffer): string | null {
  if (list.readUInt8(2) !== 0) return null;
  const size = list.readUInt16BE(3);
  if (size === 0 || 5 + size > list.byteLength) return null;
  return list.latin1Slice(5, 5 + size).toLowerCase();
}
