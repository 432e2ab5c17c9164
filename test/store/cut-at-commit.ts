import type { Socket } from "bun";

interface Side {
  /** Of which age of the way; older ones swallow everything. */
  age: number;
  other: Socket<Side> | null;
  waiting: Uint8Array[];
}

export interface CutAtCommit extends AsyncDisposable {
  readonly port: number;
  /** The next COMMIT reaches the server, its answer nobody. */
  arm(): void;
  /** Connections that are open stay so, and nothing comes through them any more; new ones are as good as ever. */
  swallow(): void;
}

/** A way to PostgreSQL that breaks at the worst moment. */
export function cutAtCommit(serverPort: number): CutAtCommit {
  let isArmed = false;
  let age = 0;
  const listener = Bun.listen<Side>({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      async open(client) {
        client.data = { age, other: null, waiting: [] };
        const server = await Bun.connect<Side>({
          hostname: "127.0.0.1",
          port: serverPort,
          data: { age, other: client, waiting: [] },
          socket: {
            data: (server, bytes) => void (server.data.age === age && server.data.other?.write(bytes)),
            close: (server) => void server.data.other?.end(),
          },
        });
        client.data.other = server;
        for (const bytes of client.data.waiting) server.write(bytes);
      },
      data(client, bytes) {
        const { other, waiting } = client.data;
        if (client.data.age !== age) return;
        if (other === null) waiting.push(bytes.slice());
        else other.write(bytes);
        if (!isArmed || other === null || !bytes.includes("COMMIT")) return;
        isArmed = false;
        other.data.other = null;
        client.terminate();
        other.end();
      },
      close: (client) => void client.data.other?.end(),
    },
  });
  return {
    port: listener.port,
    arm: () => void (isArmed = true),
    swallow: () => void age++,
    [Symbol.asyncDispose]: async () => listener.stop(true),
  };
}
