import type { Handler } from "./admin-ports.ts";
import type { Guard, Verdict } from "./guard.ts";
import type { MethodTable } from "./method-table.ts";
import { problem } from "./problem.ts";

/** Whoever serves the admin API calls this with each request. */
export interface AdminApp {
  handle(request: Request, clientIp: string): Promise<Response>;
}

export interface FrontParts {
  readonly guard: Guard;
  readonly methods: MethodTable;
  readonly resources: (request: Request) => Promise<Response>;
  /** Of a part that speaks for itself; null: it is not on; undefined: there is none at this path. */
  readonly own: (path: string) => Handler | null | undefined;
  /** Of our own faults; what clients see says nothing of them. */
  readonly failed: (error: unknown) => void;
}

/** Longer than what routers take for the shortest host: where a path begins must not depend on what a client calls us. */
const CANONICAL = "http://admin.sluice.internal";

/** Who asks: found out before a resource sees the request. */
const ACTORS = new WeakMap<Request, string>();

/** For the audit log. */
export function actorOf(request: Request): string {
  return ACTORS.get(request) ?? "unknown";
}

/**
 * What every request passes on its way to a resource: one reading of its path, which the guard judges and the router follows, who it is
 * from, and whether there is such a thing at all.
 */
export class Front implements AdminApp {
  readonly #parts: FrontParts;

  constructor(parts: FrontParts) {
    this.#parts = parts;
  }

  async handle(request: Request, clientIp: string): Promise<Response> {
    try {
      return guarded(await this.#answer(request, clientIp));
    } catch (error) {
      this.#parts.failed(error);
      return guarded(problem(500, "internal"));
    }
  }

  async #answer(request: Request, clientIp: string): Promise<Response> {
    // Relative where Host is missing, or is none.
    const url = URL.parse(request.url, CANONICAL);
    if (url === null) return problem(400, "bad_request", { detail: "Host is not one" });
    const { pathname, search } = url;
    const { method } = request;
    const header = (name: string) => request.headers.get(name);
    const verdict = this.#parts.guard.check({ method, path: pathname, header });
    if (!verdict.ok) return refusal(verdict);
    // What HEAD answers is what GET answers.
    const asked =
      method === "HEAD" ? headAsGet(request, pathname + search) : new Request(CANONICAL + pathname + search, request);
    ACTORS.set(asked, `${verdict.role} at ${clientIp}`);
    const response = await this.#route(asked, pathname, method);
    return method === "HEAD" ? headOf(response) : response;
  }

  async #route(asked: Request, path: string, method: string): Promise<Response> {
    const { methods, own, resources } = this.#parts;
    const part = own(path);
    if (part === null)
      return problem(404, "not_found", { detail: "this is not switched on: see discovery in the configuration" });
    if (part !== undefined) return part(asked, actorOf(asked));
    const allowed = methods.of(path);
    if (allowed.length === 0) return problem(404, "not_found", { detail: "there is no such path: see /docs" });
    const headers = { Allow: allowed.join(", ") };
    if (method === "OPTIONS") return new Response(null, { status: 204, headers });
    if (allowed.includes(method)) return resources(asked);
    return problem(405, "method_not_allowed", { detail: `${method} is not for this path: see /docs`, headers });
  }
}

function headAsGet(request: Request, target: string): Request {
  return new Request(CANONICAL + target, { headers: request.headers, signal: request.signal });
}

/** As long as GET's; the server leaves the body out. A stream has no length, and nobody is to wait for its end. */
async function headOf(response: Response): Promise<Response> {
  const { status, headers } = response;
  const isStream = headers.get("Content-Type")?.startsWith("text/event-stream") ?? false;
  if (!isStream) return new Response(await response.arrayBuffer(), { status, headers });
  await response.body?.cancel();
  return new Response(null, { status, headers });
}

function refusal({ status, detail }: Extract<Verdict, { ok: false }>): Response {
  const headers: Record<string, string> = status === 401 ? { "WWW-Authenticate": 'Bearer realm="sluice"' } : {};
  const code = status === 401 ? "unauthorized" : status === 403 ? "forbidden" : "misdirected_request";
  return problem(status, code, { detail, headers });
}

/** What is true of this moment and of who asks is kept by nobody, and is what it says it is. */
function guarded(response: Response): Response {
  const { headers } = response;
  if (!headers.has("Cache-Control")) headers.set("Cache-Control", "no-store");
  headers.set("X-Content-Type-Options", "nosniff");
  return response;
}
