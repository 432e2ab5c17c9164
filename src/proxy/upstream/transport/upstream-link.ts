import type { GatewayError } from "../../../model/gateway-error.ts";
import { type ByteSocket, hangUp } from "../../wire/byte-socket.ts";
import { Dial } from "./wire-dial.ts";

/** The socket of an upstream connection, from dialling to hanging up. */
export class UpstreamLink {
  #dial: Dial | null = null;
  #socket: ByteSocket | null = null;

  get up(): boolean {
    return this.#socket !== null;
  }

  dial(...plan: ConstructorParameters<typeof Dial>): void {
    this.#dial = new Dial(...plan);
    this.#dial.start();
  }

  /** The dialling is over; null: in vain. */
  dialled(socket: ByteSocket | null): void {
    this.#dial = null;
    this.#socket = socket;
  }

  pause(): void {
    this.#socket?.pause();
  }

  resume(): void {
    this.#socket?.resume();
  }

  shutdown(): void {
    this.#socket?.shutdown();
  }

  /** @param why null: in good order; else the peer must notice that something is missing. */
  drop(why: GatewayError | null): void {
    this.#dial?.abandon();
    if (this.#socket === null) return;
    if (why === null) hangUp(this.#socket);
    else this.#socket.terminate();
  }
}
