import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import type { Io } from "../main.ts";
import { StartError } from "../start-error.ts";
import type { startProxy } from "../start-proxy.ts";
import { parseArguments } from "./arguments.ts";
import { tuneRuntime } from "./tune-runtime.ts";

const ORIGINS = ["red", "green", "blue"] as const;
const REQUESTS_PER_SECOND = 20;

/** `sluice demo`: three small origins, the proxy before them, light traffic, and what to open. */
export function demoCommand(start: typeof startProxy) {
  return async (args: string[], io: Io): Promise<number> => {
    tuneRuntime();
    const parsed = parseArguments(args, { values: ["port", "seconds"] });
    const port = "usage" in parsed ? Number.NaN : Number(parsed.values.port ?? 8080);
    const seconds = "usage" in parsed ? Number.NaN : Number(parsed.values.seconds ?? Number.POSITIVE_INFINITY);
    if (!Number.isInteger(port) || !(seconds > 0)) {
      io.err("usage: sluice demo [--port 8080] [--seconds N]");
      return 2;
    }
    const origins = ORIGINS.map(startOrigin);
    const folder = mkdtempSync(join(tmpdir(), "sluice-demo-"));
    try {
      const file = join(folder, "sluice.yaml");
      writeFileSync(
        file,
        stringify(
          configuration(
            port,
            origins.map((origin) => origin.port!),
          ),
        ),
      );
      const proxy = await start({ file, mode: "develop", warn: io.err });
      io.out(welcome(proxy.listeners[0]!.port, file));
      await trafficUntil(seconds, `http://127.0.0.1:${proxy.listeners[0]!.port}`, io);
      await proxy.shutDown();
      return 0;
    } catch (error) {
      if (!(error instanceof StartError)) throw error;
      for (const line of error.lines) io.err(line);
      return 1;
    } finally {
      for (const origin of origins) void origin.stop(true);
      rmSync(folder, { recursive: true, force: true });
    }
  };
}

function startOrigin(color: string) {
  return Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    development: false,
    idleTimeout: 0,
    fetch(request) {
      if (new URL(request.url).pathname === "/clock")
        return new Response(clock(), { headers: { "content-type": "text/event-stream" } });
      return Response.json({ from: color, saw: Object.fromEntries(request.headers) });
    },
  });
}

/** A server-sent event each second, to see that streams pass at once. */
function clock(): ReadableStream {
  let timer: Timer;
  return new ReadableStream({
    start(controller) {
      timer = setInterval(() => controller.enqueue(`data: ${new Date().toISOString()}\n\n`), 1000);
    },
    cancel: () => clearInterval(timer),
  });
}

function configuration(port: number, ports: number[]) {
  return {
    listeners: [{ name: "demo", host: "127.0.0.1", port, health: "/healthz" }],
    upstreams: [{ name: "colors", endpoints: ports.map((origin) => ({ url: `http://127.0.0.1:${origin}` })) }],
    routes: [
      { name: "colors", path: "/*", upstream: "colors" },
      { name: "hello", path: "/hello", respond: { status: 200, body: "Hello from Sluice\n" } },
      { name: "old", path: "/old/*", redirect: { to: "/hello", status: 308 } },
    ],
    logging: { access: "off" },
  };
}

function welcome(port: number, file: string): string {
  const url = `http://127.0.0.1:${port}`;
  return [
    "",
    "Sluice stands in front of three small origins: red, green and blue. Open",
    `  ${url}/          one of the three, in turn, and the request as it saw it`,
    `  ${url}/hello     a reply that Sluice makes itself`,
    `  ${url}/old/x     a redirect`,
    `  ${url}/clock     server-sent events, streamed as they come`,
    `  ${url}/healthz   the listener's health`,
    "",
    `Its configuration is ${file}: edit it and save, the change is served at once.`,
    "Stop with Ctrl-C.",
    "",
  ].join("\n");
}

async function trafficUntil(seconds: number, url: string, io: Io): Promise<void> {
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());
  const counts: Record<string, number> = {};
  let failed = 0;
  const end = performance.now() + seconds * 1000;
  for (let n = 1; performance.now() < end && !stop.signal.aborted; n++) {
    await Bun.sleep(1000 / REQUESTS_PER_SECOND);
    try {
      const { from } = (await (await fetch(url)).json()) as { from: string };
      counts[from] = (counts[from] ?? 0) + 1;
    } catch {
      failed++;
    }
    if (n % (REQUESTS_PER_SECOND * 2) === 0) io.out(`${n} requests: ${JSON.stringify(counts)}, ${failed} failed`);
  }
}
