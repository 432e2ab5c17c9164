import type { Peer } from "../../model/exchange.ts";
import { GatewayError } from "../../model/gateway-error.ts";
import type { ListenerSpec } from "../../model/snapshot-spec.ts";
import { plainAddress } from "../client-address.ts";
import { type ByteSocket, type SocketEvents, socketHandlers } from "../wire/byte-socket.ts";
import type { Listener, ListenerContext } from "./listener.ts";
import { WireConnection, type WireHost } from "./wire-connection.ts";

interface AcceptedSocket extends ByteSocket {
  readonly remoteAddress: string;
  readonly remotePort: number;
  data: SocketEvents;
}

/** HTTP/1.1 on sockets of our own. @throws what the runtime says of the bind. */
export function openWireListener(spec: ListenerSpec, context: ListenerContext): Listener {
  return new WireListener(spec, context);
}

class WireListener implements Listener, WireHost {
  spec: ListenerSpec;
  readonly context: ListenerContext;
  draining = false;
  readonly #connections = new Set<WireConnection>();
  readonly #server: { readonly port: number; stop(closeConnections?: boolean): void };
  #drained: (() => void) | null = null;

  constructor(spec: ListenerSpec, context: ListenerContext) {
    this.spec = spec;
    this.context = context;
    const options = {
      hostname: spec.host,
      port: spec.port,
      reusePort: context.reusePort,
      allowHalfOpen: true,
      socket: { ...socketHandlers, open: (socket: AcceptedSocket) => this.#accept(socket) },
    };
    // The boundary: Bun's types lack pause, resume and reusePort here.
    this.#server = Bun.listen(options as never) as never;
  }

  get port(): number {
    return this.#server.port;
  }

  get connections(): number {
    return this.#connections.size;
  }

  update(spec: ListenerSpec): void {
    this.spec = spec;
  }

  drain(): Promise<void> {
    this.draining = true;
    this.#server.stop(false);
    for (const connection of [...this.#connections]) connection.close();
    return new Promise((resolve) => {
      this.#drained = resolve;
      this.#settle();
    });
  }

  stop(): void {
    this.draining = true;
    this.#server.stop(false);
    for (const connection of [...this.#connections]) connection.terminate();
  }

  closed(connection: WireConnection): void {
    this.#connections.delete(connection);
    this.#settle();
  }

  #accept(socket: AcceptedSocket): void {
    const { door } = this.context;
    const address = plainAddress(socket.remoteAddress);
    const peer: Peer = { address, port: socket.remotePort, trusted: door.isTrustedPeer(address) };
    const connection = new WireConnection(socket, peer, this);
    socket.data = connection;
    this.#connections.add(connection);
    const { maxConnections } = door.limits;
    if (maxConnections !== null && this.#connections.size > maxConnections)
      connection.refuse(new GatewayError("overloaded", "maxConnections"));
  }

  #settle(): void {
    if (this.#connections.size > 0) return;
    this.#drained?.();
    this.#drained = null;
  }
}
