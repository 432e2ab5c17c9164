import type { AdminPorts } from "./admin-ports.ts";

/** Liveness: the process answers. */
export function live({ version }: AdminPorts): Response {
  return Response.json({ status: "UP", timestamp: new Date().toISOString(), version });
}

/** Without these it is not ready. While others are away, what was found last is served: no reason to take it out of service. */
const NEEDED: ReadonlySet<string> = new Set(["config", "database"]);

/** Readiness: everything that it needs is there. What is wrong is in the log, not in the reply: probes need no token. */
export async function ready(ports: AdminPorts): Promise<Response> {
  const checks = [...(await ports.readiness())].map(([name, problem]) => [name, problem === null ? "UP" : "DOWN"]);
  const isUp = checks.every(([name, status]) => status === "UP" || !NEEDED.has(name!));
  const body = {
    status: isUp ? "UP" : "DOWN",
    checks: Object.fromEntries(checks),
    timestamp: new Date().toISOString(),
  };
  return Response.json(body, { status: isUp ? 200 : 503 });
}
