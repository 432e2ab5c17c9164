/** Clients as they are in the wild: those that leave early, those that read slowly, those that send a lot. */
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

export interface Tally {
  /** Exchanges that went as the client meant them to, its own aborts included. */
  done: number;
  /** Exchanges the proxy did not finish, or answered with something else. */
  failed: number;
}

type Client = (port: number, tally: Tally) => Promise<void>;

const EXCHANGE_LIMIT_MS = 30_000;
const UPLOAD = Buffer.alloc(256 * 1024, "u");
const ABORT_AFTER_BYTES = 64 * 1024;
const SLOW_READ_PAUSE_MS = 20;

function head(method: string, path: string, length = 0): string {
  const body = method === "POST" ? `Content-Length: ${length}\r\n` : "";
  return `${method} ${path} HTTP/1.1\r\nHost: soak.test\r\n${body}Connection: close\r\n\r\n`;
}

/** Runs one exchange to its end: `act` says what the client does once it is connected. */
function exchange(
  port: number,
  tally: Tally,
  act: (socket: Socket) => void,
  good: (text: string) => boolean,
): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    let start = "";
    let connected = false;
    socket.setTimeout(EXCHANGE_LIMIT_MS, () => socket.destroy());
    socket.on("connect", () => {
      connected = true;
      act(socket);
    });
    socket.on("data", (bytes: Buffer) => {
      if (start.length < 15) start += bytes.toString("latin1", 0, 15);
    });
    socket.on("error", () => {}); // what matters is how far it came, and `close` follows
    socket.on("close", () => {
      if (connected && good(start)) tally.done++;
      else tally.failed++;
      resolve();
    });
  });
}

const answered = (start: string): boolean => start.startsWith("HTTP/1.1 200");
const anything = (): boolean => true;

const abortDownload: Client = (port, tally) =>
  exchange(
    port,
    tally,
    (socket) => {
      let seen = 0;
      socket.on("data", (bytes: Buffer) => {
        seen += bytes.length;
        if (seen > ABORT_AFTER_BYTES) socket.destroy();
      });
      socket.write(head("GET", "/1m"));
    },
    anything,
  );

const abortUpload: Client = (port, tally) =>
  exchange(
    port,
    tally,
    (socket) => {
      socket.write(head("POST", "/upload", UPLOAD.length));
      socket.write(UPLOAD.subarray(0, UPLOAD.length / 2), () => socket.destroy());
    },
    anything,
  );

const abortAtOnce: Client = (port, tally) =>
  exchange(port, tally, (socket) => socket.write(head("GET", "/100k"), () => socket.destroy()), anything);

const upload: Client = (port, tally) =>
  exchange(
    port,
    tally,
    (socket) => {
      socket.write(head("POST", "/upload", UPLOAD.length));
      socket.write(UPLOAD);
    },
    answered,
  );

const readSlowly: Client = (port, tally) =>
  exchange(
    port,
    tally,
    (socket) => {
      socket.on("data", () => {
        socket.pause();
        setTimeout(() => socket.resume(), SLOW_READ_PAUSE_MS);
      });
      socket.write(head("GET", "/1m"));
    },
    answered,
  );

/** How many of each run at once, and how long each rests between two exchanges. */
const MIX: readonly {
  readonly name: string;
  readonly client: Client;
  readonly count: number;
  readonly restMs: number;
}[] = [
  { name: "aborted downloads", client: abortDownload, count: 8, restMs: 20 },
  { name: "aborted uploads", client: abortUpload, count: 4, restMs: 20 },
  { name: "aborts at once", client: abortAtOnce, count: 8, restMs: 10 },
  { name: "uploads", client: upload, count: 4, restMs: 20 },
  { name: "slow readers", client: readSlowly, count: 20, restMs: 50 },
];

/** Keeps the mix going until the signal; one tally a client, by its name. */
export async function runMix(port: number, signal: AbortSignal, tallies: Map<string, Tally>): Promise<void> {
  const loops = MIX.flatMap(({ name, client, count, restMs }) => {
    const tally: Tally = { done: 0, failed: 0 };
    tallies.set(name, tally);
    return Array.from({ length: count }, async () => {
      while (!signal.aborted) {
        await client(port, tally);
        await sleep(restMs);
      }
    });
  });
  await Promise.all(loops);
}
