/** The server behind every proxy: nginx, one worker, on the port of all loopback addresses. */
import { missingTools } from "../contenders/contender.ts";
import { NGINX_TOOL, nginxPlan } from "../contenders/nginx.ts";
import { comesUp, freePort } from "./ports.ts";
import { logTail, type Started, startPinned } from "./processes.ts";
import type { Workspace } from "./workspace.ts";

const USUAL_PORT = 9001;

export interface Origin {
  readonly port: number;
  readonly process: Started;
}

/** `/upload` reads the whole body before it answers: it proxies, and nginx does not pass a body on before it has it. */
export async function startOrigin(workspace: Workspace, cores: string): Promise<Origin> {
  const missing = missingTools([NGINX_TOOL]);
  if (missing !== undefined) throw new Error(`the origin needs ${missing}`);
  const port = freePort(USUAL_PORT);
  if (port !== USUAL_PORT) console.log(`port ${USUAL_PORT} is taken: the origin listens on ${port}`);
  const plan = nginxPlan(
    workspace,
    "origin",
    `  server { listen 0.0.0.0:${port}; root ${workspace.file("www")};
    location = / { default_type application/json; return 200 '{"hello":"world","n":12345}'; }
    location = /upload { client_max_body_size 64m; client_body_buffer_size 1m; proxy_pass http://127.0.0.1:${port}/; } }`,
  );
  const started = startPinned(plan, cores, workspace.file("origin.log"));
  const failure = await comesUp(started, port);
  if (failure !== undefined) throw new Error(`the origin: ${failure}\n${logTail(started)}`);
  return { port, process: started };
}
