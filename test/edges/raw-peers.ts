import net from "node:net";

export interface RawOrigin {
  readonly port: number;
  /** What came, over all connections, as latin1. */
  readonly received: string;
  readonly connections: number;
  readonly sockets: net.Socket[];
  close(): void;
}

/** A TCP server that answers each complete head (or the given function decides) and records every byte. */
export function rawOrigin(answer: string | ((socket: net.Socket, received: string) => void)): Promise<RawOrigin> {
  const state = { received: "", connections: 0, sockets: [] as net.Socket[] };
  const server = net.createServer((socket) => {
    state.connections++;
    state.sockets.push(socket);
    let head = "";
    socket.on("error", () => {});
    socket.on("data", (data) => {
      const text = data.toString("latin1");
      state.received += text;
      if (typeof answer !== "string") return answer(socket, text);
      head += text;
      for (let end = head.indexOf("\r\n\r\n"); end >= 0; end = head.indexOf("\r\n\r\n")) {
        head = head.slice(end + 4);
        socket.write(answer, "latin1");
      }
    });
  });
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as net.AddressInfo;
      resolve({
        port,
        get received() {
          return state.received;
        },
        get connections() {
          return state.connections;
        },
        sockets: state.sockets,
        close() {
          server.close();
          for (const socket of state.sockets) socket.destroy();
        },
      });
    });
  });
}

export interface RawClient {
  readonly socket: net.Socket;
  readonly text: string;
  /** `end`, an error code, or "" while the connection is open. */
  readonly ending: string;
  until(seen: (text: string, ending: string) => boolean, withinMs?: number): Promise<string>;
}

export function rawClient(port: number, send: string): RawClient {
  const state = { text: "", ending: "" };
  const socket = net.connect(port, "127.0.0.1", () => socket.write(send, "latin1"));
  socket.on("data", (data) => {
    state.text += data.toString("latin1");
  });
  socket.on("error", (error: NodeJS.ErrnoException) => {
    state.ending = error.code ?? "error";
  });
  socket.on("close", () => {
    state.ending ||= "end";
  });
  return {
    socket,
    get text() {
      return state.text;
    },
    get ending() {
      return state.ending;
    },
    async until(seen, withinMs = 3000) {
      const start = performance.now();
      while (!seen(state.text, state.ending)) {
        if (performance.now() - start > withinMs)
          throw new Error(`not in time; got ${JSON.stringify(state.text)} ${state.ending}`);
        await Bun.sleep(2);
      }
      return state.text;
    },
  };
}

export const GET = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

/** One request, its whole reply; the connection is closed afterwards. */
export async function exchangeOnce(
  port: number,
  request: string,
  seen: (text: string, ending: string) => boolean = isWhole,
): Promise<string> {
  const client = rawClient(port, request);
  try {
    return await client.until(seen);
  } finally {
    client.socket.destroy();
  }
}

/** The reply is complete by its framing, or the connection ended. */
export function isWhole(text: string, ending: string): boolean {
  if (ending !== "") return true;
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return false;
  const length = /\r\ncontent-length: (\d+)/i.exec(text)?.[1];
  if (length !== undefined) return text.length >= end + 4 + Number(length);
  return /^HTTP\/1.1 (204|304)/.test(text) || text.endsWith("0\r\n\r\n");
}

/** The fields of a head, in order, as `name: value`. */
export function fieldsOf(message: string): string[] {
  return message.slice(0, message.indexOf("\r\n\r\n")).split("\r\n").slice(1);
}

export async function eventually(holds: () => boolean, withinMs = 3000): Promise<void> {
  const start = performance.now();
  while (!holds()) {
    if (performance.now() - start > withinMs) throw new Error("did not happen in time");
    await Bun.sleep(2);
  }
}
