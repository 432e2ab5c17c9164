import { GatewayError } from "../../model/gateway-error.ts";
import type { ListenerSpec } from "../../model/snapshot-spec.ts";
import { socketHandlers } from "../wire/byte-socket.ts";
import { AddressCounts } from "./address-counts.ts";
import type { Listener, ListenerContext } from "./listener.ts";
import { TlsIdentities } from "./tls-identities.ts";
import { WireConnection } from "./wire-connection.ts";
import { type AcceptedSocket, peerOf, type PrefaceHost, WirePreface } from "./wire-preface.ts";

/** HTTP/1.1 on sockets of our own. @throws what the runtime says of the bind. */
export function openWireListener(spec: ListenerSpec, context: ListenerContext): Listener {
  return new WireListener(spec, context);
}

class WireListener implements Listener, PrefaceHost {
  spec: ListenerSpec;
  readonly context: ListenerContext;
  identities: TlsIdentities | null;
  draining = false;
  leaveAt = Number.POSITIVE_INFINITY;
  readonly #connections = new Set<WireConnection | WirePreface>();
  readonly #addresses: AddressCounts;
  readonly #server: { readonly port: number; stop(closeConnections?: boolean): void };
  #drained: (() => void) | null = null;

  constructor(spec: ListenerSpec, context: ListenerContext) {
    this.spec = spec;
    this.context = context;
    this.identities = identitiesOf(spec);
    this.#addresses = new AddressCounts(() => context.door.limits.maxConnectionsPerIp);
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
    this.identities = identitiesOf(spec);
  }

  drain(patienceMs: number): Promise<void> {
    this.draining = true;
    this.leaveAt = this.context.fast.now + patienceMs;
    this.#server.stop(false);
    if (patienceMs === 0) for (const connection of [...this.#connections]) connection.close();
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
    this.#addresses.leave(connection.peer);
    this.#settle();
  }

  admits(preface: WirePreface): boolean {
    preface.counted = true;
    const error = this.#addresses.enter(preface.peer);
    if (error !== null) this.context.door.refuse(error, this.spec.name, preface.peer.address);
    return error === null;
  }

  entered(preface: WirePreface, connection: WireConnection): void {
    this.#connections.delete(preface);
    if (preface.counted) this.#connections.add(connection);
    else this.#enter(connection);
  }

  left(preface: WirePreface): void {
    if (!this.#connections.delete(preface)) return;
    if (preface.counted) this.#addresses.leave(preface.peer);
    this.#settle();
  }

  #accept(socket: AcceptedSocket): void {
    const { maxConnections } = this.context.door.limits;
    const full = maxConnections !== null && this.#connections.size >= maxConnections;
    if (this.identities !== null || this.spec.proxyProtocol) return this.#acceptPreface(socket, full);
    const connection = new WireConnection(socket, peerOf(socket.remoteAddress, socket.remotePort, this), this);
    socket.data = connection;
    this.#enter(connection);
    if (full) connection.refuse(new GatewayError("overloaded", "limits.maxConnections"));
  }

  #enter(connection: WireConnection): void {
    this.#connections.add(connection);
    const error = this.#addresses.enter(connection.peer);
    if (error !== null) connection.refuse(error);
  }

  #acceptPreface(socket: AcceptedSocket, full: boolean): void {
    const preface = new WirePreface(socket, this);
    socket.data = preface;
    this.#connections.add(preface);
    if (full) {
      const error = new GatewayError("overloaded", "limits.maxConnections");
      this.context.door.refuse(error, this.spec.name, socket.remoteAddress);
    }
    // A handshake only to say no would be the dearest answer of all.
    if (full || (!this.spec.proxyProtocol && !this.admits(preface))) preface.terminate();
  }

  #settle(): void {
    if (this.#connections.size > 0) return;
    this.#drained?.();
    this.#drained = null;
  }
}

function identitiesOf({ tls }: ListenerSpec): TlsIdentities | null {
  return tls.length > 0 ? new TlsIdentities(tls) : null;
}
