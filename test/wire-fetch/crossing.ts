import {
  createSecureServer,
  type Http2SecureServer,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import { Authority } from "../kit/certificates.ts";
import { type Config, Sluice } from "../kit/sluice.ts";

/** The versions that only `fetch` speaks. */
export const PROTOCOLS = ["http2", "http3"] as const;
export type Protocol = (typeof PROTOCOLS)[number];

export type Answer = (request: Request) => Response | Promise<Response>;

/** An origin that speaks HTTP/2 and HTTP/3, and HTTP/1.1 too; a script answers. */
export class WebOrigin {
  readonly authority = new Authority();
  requests = 0;
  answer: Answer = () => new Response("hello");
  readonly #server: Bun.Server<undefined>;

  constructor() {
    const { cert, key } = this.authority.issue("up.test", { names: ["DNS:up.test", "IP:127.0.0.1"] });
    this.#server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      tls: { cert, key },
      http2: true,
      http3: true,
      idleTimeout: 0,
      development: false,
      fetch: (request, server) => {
        this.requests++;
        if (server.upgrade(request)) return undefined;
        return this.answer(request);
      },
      websocket: { message: (socket, message) => void socket.send(message) },
    });
  }

  get port(): number {
    return this.#server.port!;
  }

  get url(): string {
    return `https://127.0.0.1:${this.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop(true);
    this.authority[Symbol.dispose]();
  }
}

/** What one HTTP/2 stream brought: every field as it stood on the wire. */
export interface StreamRequest {
  readonly stream: ServerHttp2Stream;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
}

/** An HTTP/2 origin at the level of streams: sees each field, resets and sends trailers as a script says. */
export class StreamOrigin {
  readonly authority = new Authority();
  readonly requests: StreamRequest[] = [];
  answer: (request: StreamRequest) => void = ({ stream }) => stream.respond({ ":status": 200 }, { endStream: true });
  readonly #server: Http2SecureServer;
  readonly #sockets = new Set<Socket>();

  private constructor() {
    const { cert, key } = this.authority.issue("up.test", { names: ["DNS:up.test", "IP:127.0.0.1"] });
    this.#server = createSecureServer({ cert, key });
    this.#server.on("secureConnection", (socket: Socket) => this.#sockets.add(socket));
    this.#server.on("sessionError", () => undefined);
    this.#server.on("stream", (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, _: number, raw: string[]) => {
      stream.on("error", () => undefined);
      const request = { stream, headers, rawHeaders: raw };
      this.requests.push(request);
      this.answer(request);
    });
  }

  static async start(): Promise<StreamOrigin> {
    const origin = new StreamOrigin();
    await new Promise<void>((resolve) => origin.#server.listen(0, "127.0.0.1", () => resolve()));
    return origin;
  }

  get url(): string {
    return `https://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** No connection survives. */
  reset(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.reset();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.authority[Symbol.dispose]();
  }
}

/** A sluice whose one upstream is `origin` by `protocol`, behind a listener with the default edge. */
export function crossing(
  origin: { url: string; authority: Authority },
  protocol: Protocol,
  upstream: Config = {},
): Promise<Sluice> {
  const { url, authority } = origin;
  // Bun's HTTP/3 client knows no authorities but the system's (oven-sh/bun#31420).
  const tls = protocol === "http3" ? { insecure: true } : { ca: authority.caFile };
  return Sluice.start({
    upstreams: [{ name: "up", url, protocol, tls, ...upstream }],
    routes: [{ path: "/*", upstream: "up" }],
  });
}
