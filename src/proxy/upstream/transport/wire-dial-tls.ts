import { isIP } from "node:net";
import { checkServerIdentity } from "node:tls";
import type { RetryVerdict } from "../../../model/gateway-error.ts";
import type { UpstreamTlsSpec } from "../../../model/snapshot-spec.ts";
import type { ByteSocket } from "../../wire/byte-socket.ts";
import type { Endpoint } from "../endpoint.ts";

type PeerCertificate = Parameters<typeof checkServerIdentity>[1];

export interface TlsSocket extends ByteSocket {
  getPeerCertificate(): PeerCertificate | undefined;
}

/** Whom the endpoint should turn out to be. */
export interface Expected {
  readonly endpoint: Endpoint;
  readonly tls: UpstreamTlsSpec;
}

export interface HandshakeFault {
  readonly detail: string;
  readonly retry: RetryVerdict;
}

const ALPN_HTTP1 = Buffer.from("\x08http/1.1", "latin1");

export function upstreamTlsOptions(endpoint: Endpoint, tls: UpstreamTlsSpec): Record<string, unknown> {
  const name = nameOf(endpoint, tls);
  return {
    // Judged by `handshakeFault`, so that the reason can be told.
    rejectUnauthorized: false,
    ALPNProtocols: ALPN_HTTP1,
    // Addresses are no server names (RFC 6066 §3); left out, Bun would send them as such.
    serverName: isIP(name) === 0 && endpointHasName(endpoint, tls) ? name : "",
    ...(tls.ca === null ? {} : { ca: tls.ca }),
    ...(tls.cert === null ? {} : { cert: tls.cert, key: tls.key }),
  };
}

/** Why the connection must not be used, or null. The peer is verified as RFC 9110 §4.3.4 says. */
export function handshakeFault(
  socket: TlsSocket,
  result: { ok: boolean; error: Error | null },
  { endpoint, tls }: Expected,
): HandshakeFault | null {
  const certificate = socket.getPeerCertificate();
  const why = result.error?.message;
  // `ok` is false as well where the handshake went through and only the name is wrong.
  if (!result.ok && (certificate?.subject === undefined || isBroken(result.error)))
    return { detail: `TLS handshake: ${why ?? "failed"}`, retry: "safe" };
  if (tls.insecure) return null;
  if (!result.ok || why !== undefined)
    return { detail: `certificate not trusted: ${why ?? "verification failed"}`, retry: "never" };
  const mismatch = checkServerIdentity(nameOf(endpoint, tls), certificate as PeerCertificate);
  return mismatch === undefined ? null : { detail: `certificate not trusted: ${mismatch.message}`, retry: "never" };
}

function nameOf(endpoint: Endpoint, tls: UpstreamTlsSpec): string {
  return tls.serverName ?? (endpoint.port === 0 ? "localhost" : endpoint.host);
}

/** A unix socket has no name of its own to ask for. */
function endpointHasName(endpoint: Endpoint, tls: UpstreamTlsSpec): boolean {
  return endpoint.port !== 0 || tls.serverName !== null;
}

/** Faults of the protocol and of the connection, as opposed to what verification says. */
function isBroken(error: Error | null): boolean {
  const code = (error as { code?: string } | null)?.code;
  return code === "EPROTO" || code === "ECONNRESET";
}
