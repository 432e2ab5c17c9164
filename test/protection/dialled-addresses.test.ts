import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { GatewayError } from "../../src/model/gateway-error.ts";
import { HeaderMap } from "../../src/model/header-map.ts";
import type { UpstreamSpec } from "../../src/model/snapshot-spec.ts";
import { Ticker } from "../../src/proxy/ticker.ts";
import { Endpoint } from "../../src/proxy/upstream/endpoint.ts";
import { createTransports } from "../../src/proxy/upstream/transport/create-transports.ts";
import type { Attempt } from "../../src/proxy/upstream/transport/transport.ts";
import { upstreamSpec } from "../edges/edge-kit.ts";
import { within } from "../kit/eventually.ts";
import { RawOrigin } from "../kit/raw-origin.ts";
import { WebOrigin } from "../wire-fetch/crossing.ts";

const clock = { now: () => performance.now(), wall: () => Date.now() };
const ticker = new Ticker(clock, 20);
const factory = createTransports({ clock, fast: ticker });

let plain: RawOrigin;
let secure: WebOrigin;

beforeAll(async () => {
  plain = await RawOrigin.start();
  secure = new WebOrigin();
});

afterAll(async () => {
  await plain.stop();
  await secure[Symbol.asyncDispose]();
  ticker.stop();
});

interface Case {
  readonly transport: "wire" | "fetch";
  readonly scheme: "http" | "https";
  readonly protocol?: UpstreamSpec["protocol"];
  readonly upgrade?: "websocket";
}

const CASES: readonly (readonly [name: string, of: Case])[] = [
  ["wire", { transport: "wire", scheme: "http" }],
  ["wire over TLS", { transport: "wire", scheme: "https" }],
  ["fetch", { transport: "fetch", scheme: "http" }],
  ["fetch over TLS", { transport: "fetch", scheme: "https" }],
  ["fetch with HTTP/2", { transport: "fetch", scheme: "https", protocol: "http2" }],
  ["a WebSocket of fetch", { transport: "fetch", scheme: "https", upgrade: "websocket" }],
];

/** One GET to an endpoint whose name nobody can resolve, so that only the addresses it is given lead anywhere. */
async function status({ transport, scheme, protocol = "http1", upgrade }: Case, addresses: string[]): Promise<number> {
  const port = scheme === "http" ? plain.port : secure.port;
  const { ca } = secure.authority;
  const tls = { ca, cert: null, key: null, serverName: null, insecure: false };
  const spec = upstreamSpec(port, { protocol, tls }, scheme, "up.test");
  const sender = factory[transport](spec);
  const outcome = new Promise<number>((resolve, reject) => {
    const attempt = {
      exchange: { edge: "wire", received: { version: "1.1" } },
      endpoint: new Endpoint(spec.name, spec.endpoints[0]!),
      addresses,
      method: "GET",
      target: "/",
      authority: "up.test",
      headers: new HeaderMap(["Host"], ["up.test"]),
      body: null,
      upgrade: upgrade ?? null,
      timeouts: { ...spec.timeouts, connectMs: 1000, firstByteMs: 1000 },
      streamIdleMs: null,
    } as unknown as Attempt;
    sender.send(attempt, {
      informational: () => undefined,
      reply: (reply) => {
        reply.body?.cancel({ kind: "client_closed" } as GatewayError);
        resolve(reply.status);
      },
      tunnel: (reply, upstream) => {
        if (upstream.kind === "messages") upstream.close(1001, "");
        resolve(reply.status);
      },
      failed: (error) => reject(new Error(`${error.kind}: ${error.detail}`)),
    });
  });
  return within("the attempt's outcome", outcome).finally(() => sender.retire());
}

describe("transports dial the checked address and never look the name up", () => {
  test.each(CASES)("%s", async (_, of) => {
    expect(await status(of, ["127.0.0.1"])).toBe(of.upgrade === undefined ? 200 : 101);
  });

  // The origins listen on 127.0.0.1 alone.
  test.each(CASES)("%s: another address leads elsewhere", async (_, of) => {
    await expect(status(of, ["127.0.0.9"])).rejects.toThrow("upstream_");
  });
});
