/** What the wire needs of a connected socket: Bun's own sockets are it, others are adapted. */
export interface ByteSocket {
  /** @returns octets taken, fewer than given when the kernel is full, -1 when closed; nothing is buffered. */
  write(bytes: Uint8Array, offset?: number, length?: number): number;
  pause(): void;
  resume(): void;
  /** Half-close: FIN after what was written. */
  shutdown(): void;
  /** Closes at once; alone it says no goodbye on TLS: see `hangUp`. */
  close(): void;
  /** RST: the peer must notice that something is missing. */
  terminate(): void;
}

/**
 * FIN, on TLS with close_notify before it (RFC 8446 §6.1), after what was written; then closed without waiting for the peer's.
 * Not Bun's `end`: on TLS it waits for a peer that may never close.
 */
export function hangUp(socket: ByteSocket): void {
  socket.shutdown();
  socket.close();
}

/** What a connection hears of its socket. */
export interface SocketEvents {
  /** The memory is valid during the call only. */
  onData(bytes: Buffer): void;
  onDrain(): void;
  /** FIN: the peer will send no more. */
  onEnd(): void;
  /** Once; `error` when the connection was reset. */
  onClose(error: Error | undefined): void;
}

interface BunSocket extends ByteSocket {
  data: SocketEvents;
}

/** Handlers for `Bun.listen`, `Bun.connect` and `upgradeTLS` that pass everything to the `SocketEvents` in `socket.data`. */
export const socketHandlers = {
  binaryType: "buffer" as const,
  data(socket: BunSocket, bytes: Buffer): void {
    socket.data.onData(bytes);
  },
  drain(socket: BunSocket): void {
    socket.data.onDrain();
  },
  end(socket: BunSocket): void {
    socket.data.onEnd();
  },
  close(socket: BunSocket, error?: Error): void {
    socket.data.onClose(error);
  },
  /**
   * What goes wrong with the connection comes with `close`. This is for what a handler threw, which is a fault of ours: the
   * connection cannot go on, and whoever watches over the process must see it.
   */
  error(socket: BunSocket, error: Error): void {
    socket.terminate();
    queueMicrotask(() => {
      throw error;
    });
  },
};
