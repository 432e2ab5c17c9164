import type { Peer } from "../../model/exchange.ts";
import { GatewayError } from "../../model/gateway-error.ts";
import { plainAddress } from "../client-address.ts";
import type { Ticked } from "../ticker.ts";
import { type ByteSocket, hangUp, type SocketEvents, socketHandlers } from "../wire/byte-socket.ts";
import { parseClientHello } from "./client-hello.ts";
import { parseProxyHeader } from "./proxy-protocol.ts";
import type { TlsIdentities, TlsIdentity } from "./tls-identities.ts";
import { WireConnection } from "./wire-connection.ts";
import type { WireHost } from "./wire-host.ts";

export interface AcceptedSocket extends ByteSocket {
  readonly remoteAddress: string;
  readonly remotePort: number;
  data: SocketEvents;
}

/** What a listener is to what comes before HTTP on a connection. */
export interface PrefaceHost extends WireHost {
  /** Those of now: an update reaches the handshakes that begin after it. null: cleartext. */
  readonly identities: TlsIdentities | null;
  /** A handshake counts as soon as it is known whose it is. @returns false when that client holds too many connections */
  admits(preface: WirePreface): boolean;
  /** HTTP begins. */
  entered(preface: WirePreface, connection: WireConnection): void;
  left(preface: WirePreface): void;
}

/** @param address the socket's, or what a PROXY header says. `trusted` is about that address: nobody else is the client's last hop. */
export function peerOf(address: string, port: number, host: WireHost): Peer {
  const plain = plainAddress(address);
  return { address: plain, port, trusted: host.context.door.isTrustedPeer(plain) };
}

/**
 * What comes before the first head: a PROXY header where the listener expects one, then a TLS handshake where it speaks TLS.
 *
 * The ClientHello is read here, before the runtime's TLS sees it, because `upgradeTLS` takes one certificate and knows no SNI;
 * the octets then go with `initialData` (docs/decisions/0003). All of it must be over within `headMs`.
 */
export class WirePreface implements SocketEvents, Ticked {
  tickSlot = -1;
  readonly #host: PrefaceHost;
  readonly #since: number;
  /** Among the connections of its client's address. */
  counted = false;
  #socket: AcceptedSocket;
  #peer: Peer;
  #step: "proxy" | "hello" | "handshake" | "over";
  #input: Buffer | null = null;
  #identity: TlsIdentity | null = null;

  constructor(socket: AcceptedSocket, host: PrefaceHost) {
    this.#socket = socket;
    this.#host = host;
    this.#peer = peerOf(socket.remoteAddress, socket.remotePort, host);
    this.#step = host.spec.proxyProtocol ? "proxy" : "hello";
    this.#since = host.context.fast.now;
    host.context.fast.add(this);
  }

  /** The client, as far as it is known: the socket's until a PROXY header says otherwise. */
  get peer(): Peer {
    return this.#peer;
  }

  onData(bytes: Buffer): void {
    if (this.#step === "over") return;
    const input = this.#input === null ? bytes : Buffer.concat([this.#input, bytes]);
    this.#input = null;
    const rest = this.#step === "proxy" ? this.#readProxyHeader(input) : input;
    if (rest === null) return;
    if (this.#step === "handshake") this.#keep(rest);
    else this.#readOn(rest, this.#host.identities);
  }

  onDrain(): void {
    // Nothing of ours is on its way out.
  }

  onEnd(): void {
    hangUp(this.#socket);
  }

  onClose(): void {
    this.#finish();
    this.#host.left(this);
  }

  onTick(now: number): void {
    if (now - this.#since <= this.#host.context.door.timeouts.headMs) return;
    if (this.#step !== "over") this.#tell(new GatewayError("request_timeout", `slow ${this.#step}`));
    this.terminate();
  }

  /** A client that has not come to its request loses nothing. */
  close(): void {
    hangUp(this.#socket);
  }

  terminate(): void {
    this.#socket.terminate();
  }

  /** @param fault what the runtime's verification says; it says it also of clients that were not asked for a certificate. */
  onHandshake(socket: AcceptedSocket, ok: boolean, fault: Error | null | undefined): void {
    const identity = this.#identity;
    if (this.#step !== "handshake" || identity === null) return;
    const verified = identity.spec.clientCa === null || (fault ?? null) === null;
    if (ok && verified) this.#enter(socket, this.#input);
    else this.#refuse(new GatewayError("bad_request", `TLS handshake: ${fault?.message ?? "failed"}`));
  }

  /** @returns what is behind the header; null: there is nothing to go on with. */
  #readProxyHeader(input: Buffer): Buffer | null {
    const header = parseProxyHeader(input);
    if (header === "more") return this.#keep(input);
    if (header === "invalid") {
      this.#refuse(new GatewayError("bad_request", "no PROXY protocol header"));
      return null;
    }
    const { source, consumed } = header;
    if (source !== null) this.#peer = peerOf(source.address, source.port, this.#host);
    this.#step = "hello";
    return input.subarray(consumed);
  }

  #readOn(input: Buffer, identities: TlsIdentities | null): void {
    if (identities === null) this.#enter(this.#socket, input);
    else if (!this.counted && !this.#host.admits(this)) this.terminate();
    else if (input.byteLength > 0) this.#readHello(input, identities);
  }

  #readHello(input: Buffer, identities: TlsIdentities): void {
    const hello = parseClientHello(input);
    if (hello === "more") this.#keep(input);
    else if (hello === "not-tls") this.#cleartext();
    else this.#upgrade(identities.pick(hello.serverName), input);
  }

  #upgrade(identity: TlsIdentity, hello: Buffer): void {
    const plain = this.#socket as AcceptedSocket & Upgradable;
    this.#identity = identity;
    this.#step = "handshake";
    // The runtime keeps calling the handlers of the socket below with the ciphertext: nobody listens there.
    plain.data = SILENCE;
    const initialData = Buffer.from(hello);
    const { options } = identity;
    try {
      const pair = plain.upgradeTLS({ isServer: true, tls: options, data: this, socket: TLS_HANDLERS, initialData });
      this.#socket = pair[1];
    } catch (error) {
      // A certificate or key that the configuration took and the runtime does not.
      this.#refuse(new GatewayError("internal", `TLS: ${error instanceof Error ? error.message : String(error)}`));
    }
  }

  /** Somebody speaks plain HTTP, most likely, and is told so in words it understands. */
  #cleartext(): void {
    const socket = this.#socket;
    const error = new GatewayError("bad_request", "not TLS", { publicDetail: "This port speaks HTTPS." });
    this.#enter(socket, null).refuse(error);
  }

  #enter(socket: AcceptedSocket, rest: Buffer | null): WireConnection {
    const host = this.#host;
    const identity = this.#identity;
    this.#finish();
    const connection = new WireConnection(socket, this.#peer, host);
    const { identities } = host;
    if (identity !== null) connection.admits = identities?.guard(identity) ?? null;
    socket.data = connection;
    host.entered(this, connection);
    if (rest !== null && rest.byteLength > 0) connection.onData(rest);
    return connection;
  }

  #keep(input: Buffer): null {
    // The memory is the runtime's, valid during the call.
    this.#input = Buffer.from(input);
    return null;
  }

  /** There is no HTTP here to answer with; whoever reads the log learns why. */
  #refuse(error: GatewayError): void {
    this.#tell(error);
    this.#step = "over";
    hangUp(this.#socket);
  }

  #tell(error: GatewayError): void {
    const { context, spec } = this.#host;
    context.door.refuse(error, spec.name, this.#peer.address);
  }

  #finish(): void {
    this.#step = "over";
    this.#input = null;
    this.#host.context.fast.remove(this);
  }
}

interface Upgradable {
  upgradeTLS(options: object): [raw: AcceptedSocket, tls: AcceptedSocket];
}

const SILENCE: SocketEvents = {
  onData: () => undefined,
  onDrain: () => undefined,
  onEnd: () => undefined,
  onClose: () => undefined,
};

const TLS_HANDLERS = {
  ...socketHandlers,
  handshake(socket: AcceptedSocket, ok: boolean, fault: Error | null): void {
    if (socket.data instanceof WirePreface) socket.data.onHandshake(socket, ok, fault);
  },
};
