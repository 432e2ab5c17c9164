import { isIP } from "node:net";
import { checkServerIdentity } from "node:tls";
import { GatewayError } from "../../../model/gateway-error.ts";
import type { UpstreamTlsSpec } from "../../../model/snapshot-spec.ts";
import { type ByteSocket, type SocketEvents, socketHandlers } from "../../wire/byte-socket.ts";
import type { Endpoint } from "../endpoint.ts";
import type { Attempt } from "./transport.ts";

/** Who waits for the connection. */
export interface Dialler extends SocketEvents {
  onConnected(socket: ByteSocket): void;
  onConnectFailed(error: GatewayError): void;
}

/** Connects to the first address that answers, in order; verifies who answers where the endpoint speaks TLS. */
export function dial(attempt: Attempt, tls: UpstreamTlsSpec, dialler: Dialler): void {
  tryAddress(attempt, tls, dialler, 0);
}

function tryAddress(attempt: Attempt, tls: UpstreamTlsSpec, dialler: Dialler, at: number): void {
  const { endpoint, addresses } = attempt;
  const address = addresses[at];
  let settled = false;
  const failed = (detail: string, verdict: "safe" | "never") => {
    if (settled) return;
    settled = true;
    if (verdict === "safe" && at + 1 < addresses.length) return tryAddress(attempt, tls, dialler, at + 1);
    dialler.onConnectFailed(
      new GatewayError("upstream_connect_failed", `${endpoint.id}: ${detail}`, { retry: verdict }),
    );
  };
  const succeeded = (socket: ByteSocket) => {
    settled = true;
    dialler.onConnected(socket);
  };
  if (address === undefined) return failed("no address", "safe");
  const secure = endpoint.scheme === "https";
  const options = {
    ...(endpoint.port === 0 ? { unix: address } : { hostname: address, port: endpoint.port }),
    allowHalfOpen: true,
    data: dialler,
    ...(secure ? { tls: tlsOptions(endpoint, tls) } : {}),
    socket: {
      ...socketHandlers,
      open: (socket: ByteSocket) => (secure ? undefined : succeeded(socket)),
      handshake: (socket: TlsSocket, ok: boolean, error: Error | null) => {
        const fault = tls.insecure ? null : identityFault(socket, { ok, error, host: tls.serverName ?? endpoint.host });
        if (fault === null) return succeeded(socket);
        failed(fault, "never");
        socket.terminate();
      },
      close: (socket: { data: SocketEvents }, error?: Error) => {
        if (settled) socketHandlers.close(socket as never, error);
        else failed(error?.message ?? "closed during the handshake", "safe");
      },
      connectError: (_socket: unknown, error: Error) => failed(error.message, "safe"),
    },
  };
  // The boundary: Bun's types know neither pause nor the unix variant with these handlers.
  Bun.connect(options as never).catch((error: Error) => failed(error.message, "safe"));
}

interface TlsSocket extends ByteSocket {
  getPeerCertificate(): Parameters<typeof checkServerIdentity>[1];
}

function tlsOptions(endpoint: Endpoint, tls: UpstreamTlsSpec): Record<string, unknown> {
  const name = tls.serverName ?? endpoint.host;
  return {
    // Verified below, so that the reason can be told.
    rejectUnauthorized: false,
    ALPNProtocols: ALPN_HTTP1,
    ...(isIP(name) === 0 ? { serverName: name } : {}),
    ...(tls.ca === null ? {} : { ca: tls.ca }),
    ...(tls.cert === null ? {} : { cert: tls.cert, key: tls.key }),
  };
}

const ALPN_HTTP1 = Buffer.from("\x08http/1.1", "latin1");

/** Why the peer is not who it should be (RFC 9110 §4.3.4), or null. */
function identityFault(socket: TlsSocket, seen: { ok: boolean; error: Error | null; host: string }): string | null {
  if (seen.error !== null && seen.error !== undefined) return `certificate not trusted: ${seen.error.message}`;
  if (!seen.ok) return "certificate not trusted";
  return checkServerIdentity(seen.host, socket.getPeerCertificate())?.message ?? null;
}
