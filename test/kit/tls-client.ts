import type { Socket } from "node:net";
import { connect, type ConnectionOptions, type TLSSocket } from "node:tls";
import { within } from "./eventually.ts";
import { RawClient } from "./raw-client.ts";

export interface TlsClient {
  readonly client: RawClient;
  readonly socket: TLSSocket;
  /** The common name of the certificate it was shown. */
  readonly commonName: string;
}

/** A raw client behind a TLS handshake; it accepts any certificate, so that a test can look at it. @throws what went wrong */
export async function connectTls(port: number, options: ConnectionOptions = {}): Promise<TlsClient> {
  const where = options.socket === undefined ? { port, host: "127.0.0.1" } : {};
  const half = { allowHalfOpen: true };
  const socket = connect({ ...where, ...half, rejectUnauthorized: false, ALPNProtocols: ["http/1.1"], ...options });
  const client = RawClient.over(socket as Socket, port);
  await within(
    `a TLS handshake with port ${port}`,
    new Promise<void>((resolve, reject) => {
      socket.once("secureConnect", () => resolve());
      socket.once("error", reject);
      socket.once("close", () => reject(new Error("closed during the handshake")));
    }),
  );
  return { client, socket, commonName: String(socket.getPeerCertificate().subject.CN) };
}
