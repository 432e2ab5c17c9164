import type { GatewayError } from "../../src/model/gateway-error.ts";
import type { EndpointSpec, UpstreamTlsSpec } from "../../src/model/snapshot-spec.ts";
import { Ticker } from "../../src/proxy/ticker.ts";
import { Endpoint } from "../../src/proxy/upstream/endpoint.ts";
import type { Attempt } from "../../src/proxy/upstream/transport/transport.ts";
import { Dial } from "../../src/proxy/upstream/transport/wire-dial.ts";
import type { ByteSocket } from "../../src/proxy/wire/byte-socket.ts";
import { within } from "../kit/eventually.ts";

export interface Dialled {
  readonly socket: ByteSocket | null;
  readonly error: GatewayError | null;
  readonly tookMs: number;
}

export interface DialParts {
  readonly endpoint?: Partial<EndpointSpec>;
  readonly addresses?: readonly string[];
  readonly tls?: Partial<UpstreamTlsSpec>;
  readonly connectMs?: number;
}

const NO_TLS: UpstreamTlsSpec = { ca: null, cert: null, key: null, serverName: null, insecure: false };
const clock = { now: () => performance.now(), wall: () => Date.now() };

/** One dial with everything real but the request. A connection that came about is closed again. */
export async function dialled(port: number, parts: DialParts = {}): Promise<Dialled> {
  const spec = { scheme: "https" as const, host: "up.test", port, weight: 1, basePath: "", ...parts.endpoint };
  const endpoint = new Endpoint("up", spec);
  const timeouts = { connectMs: parts.connectMs ?? 3000, firstByteMs: 3000, idleMs: 3000, totalMs: null };
  // A dial looks at nothing else of an attempt.
  const attempt = { endpoint, addresses: parts.addresses ?? ["127.0.0.1"], timeouts } as unknown as Attempt;
  const ticker = new Ticker(clock, 10);
  const started = performance.now();
  const outcome = new Promise<Dialled>((resolve) => {
    const settle = (socket: ByteSocket | null, error: GatewayError | null) =>
      resolve({ socket, error, tookMs: performance.now() - started });
    const plan = { attempt, tls: { ...NO_TLS, ...parts.tls }, ticker };
    new Dial(plan, {
      onConnected: (socket) => settle(socket, null),
      onConnectFailed: (error) => settle(null, error),
      onData: () => undefined,
      onDrain: () => undefined,
      onEnd: () => undefined,
      onClose: () => undefined,
    }).start();
  });
  try {
    const result = await within("the dial's outcome", outcome);
    result.socket?.close();
    return result;
  } finally {
    ticker.stop();
  }
}
