import type { AddressInfo } from "node:net";
import { createServer, type Server, type TlsOptions, type TLSSocket } from "node:tls";

/** What a TLS origin learned of one client. */
export interface SeenClient {
  readonly serverName: string | false | null | undefined;
  readonly alpn: string | false | null;
  /** Of the certificate the client showed. */
  readonly commonName: string | undefined;
}

/** An HTTP/1.1 origin behind TLS that answers "hello" to everything and remembers who shook hands. */
export class TlsOrigin {
  readonly seen: SeenClient[] = [];
  readonly sockets: TLSSocket[] = [];
  requests = 0;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    server.on("secureConnection", (socket) => this.#serve(socket));
    server.on("tlsClientError", () => undefined);
  }

  /** @param path of a unix socket; else a port is chosen. */
  static async start(options: TlsOptions, path?: string): Promise<TlsOrigin> {
    const server = createServer({ ALPNProtocols: ["http/1.1"], ...options });
    const where = path === undefined ? { port: 0, host: "127.0.0.1" } : { path };
    await new Promise<void>((resolve) => server.listen(where, resolve));
    return new TlsOrigin(server);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #serve(socket: TLSSocket): void {
    const { CN } = (socket.getPeerCertificate() as { subject?: { CN?: string } } | null)?.subject ?? {};
    const serverName = (socket as { servername?: string | false }).servername;
    this.seen.push({ serverName, alpn: socket.alpnProtocol, commonName: CN });
    this.sockets.push(socket);
    socket.on("error", () => undefined);
    socket.on("data", () => {
      this.requests++;
      socket.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    });
  }
}
