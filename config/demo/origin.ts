/** A tiny origin for docker-compose.yml: says its name, what it saw, and a clock as server-sent events. */
const name = process.env.NAME ?? "origin";

const server = Bun.serve({
  port: Number(process.env.PORT ?? 9000),
  development: false,
  idleTimeout: 0,
  fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === "/healthz") return new Response("ok");
    if (pathname === "/clock") return new Response(clock(), { headers: { "content-type": "text/event-stream" } });
    return Response.json({ from: name, path: pathname, saw: Object.fromEntries(request.headers) });
  },
});
console.log(`${name} listens on ${server.port}`);

for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => void server.stop(true));

function clock(): ReadableStream {
  let timer: Timer;
  return new ReadableStream({
    start(controller) {
      timer = setInterval(() => controller.enqueue(`data: ${new Date().toISOString()}\n\n`), 1000);
    },
    cancel: () => clearInterval(timer),
  });
}

export {};
