import { connect, type Socket } from "node:net";

/** A reply of the admin API, read to its end. */
export interface AdminReply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Parsed; undefined: there is none, or it is no JSON. */
  // oxlint-disable-next-line typescript/no-explicit-any -- what comes back is what tests are about
  readonly json: any;
}

export interface Asked {
  /** An object is sent as JSON, a text as it is. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Another token than the client's; null: none. */
  readonly token?: string | null;
}

/** Asks the admin API as scripts do. */
export class AdminClient {
  readonly port: number;
  readonly #token: string | null;

  constructor(port: number, token: string | null = null) {
    this.port = port;
    this.#token = token;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get(path: string, asked?: Asked): Promise<AdminReply> {
    return this.ask("GET", path, asked);
  }

  post(path: string, body?: unknown, asked?: Asked): Promise<AdminReply> {
    return this.ask("POST", path, { ...asked, body });
  }

  put(path: string, body?: unknown, asked?: Asked): Promise<AdminReply> {
    return this.ask("PUT", path, { ...asked, body });
  }

  delete(path: string, asked?: Asked): Promise<AdminReply> {
    return this.ask("DELETE", path, asked);
  }

  async ask(method: string, path: string, { body, headers, token = this.#token }: Asked = {}): Promise<AdminReply> {
    const sent = typeof body === "string" || body === undefined ? body : JSON.stringify(body);
    const credentials: Record<string, string> = token === null ? {} : { Authorization: `Bearer ${token}` };
    const response = await fetch(this.url + path, {
      method,
      headers: { ...credentials, ...headers },
      redirect: "manual",
      ...(sent === undefined ? {} : { body: sent }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, json: parsed(text) };
  }

  /** These very bytes, for what `fetch` would not send: they ask for the connection's end. @returns everything that comes back */
  raw(bytes: string | Buffer): Promise<string> {
    return this.#send((socket) => socket.write(bytes));
  }

  /** The same, by a client that sends nothing more. */
  rawAndLeave(bytes: string | Buffer): Promise<string> {
    return this.#send((socket) => socket.end(bytes));
  }

  #send(send: (socket: Socket) => unknown): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = connect(this.port, "127.0.0.1", () => void send(socket));
      let received = "";
      socket.setEncoding("latin1");
      socket.on("data", (text: string) => (received += text));
      socket.on("error", reject);
      socket.on("close", () => resolve(received));
    });
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
