import type { ProbeResult } from "./check-spec.ts";

/** Connects and hangs up. @throws what `Bun.connect` throws when nobody answers. */
export async function askTcp(
  address: { hostname: string; port: number } | { unix: string },
  signal: AbortSignal,
): Promise<ProbeResult> {
  const connecting = Promise.withResolvers<ProbeResult>();
  signal.addEventListener("abort", () => connecting.reject(new Error("given up")), { once: true });
  const options = {
    ...address,
    socket: {
      open: (socket: Bun.Socket) => {
        socket.end();
        connecting.resolve({ ok: true, reason: "connected" });
      },
      data: () => undefined,
      error: () => undefined,
    },
  };
  Bun.connect(options as Bun.TCPSocketConnectOptions).catch((error: unknown) => connecting.reject(error));
  return connecting.promise;
}
