import type { AdminPorts } from "./admin-ports.ts";
import { Problem } from "./problem.ts";

const PAGE_SIZE = 50;
const LARGEST_PAGE = 500;

interface Page {
  readonly page: number;
  readonly pageSize: number;
}

/** Who changed what, newest first. */
export async function audit(ports: AdminPorts, query: URLSearchParams): Promise<Response> {
  const page = pageOf(query);
  const { entries, total } = await ports.store.audit(page);
  return Response.json({ entries, total, ...page });
}

/** The same in FlexGate's words. */
export async function logs(ports: AdminPorts, query: URLSearchParams): Promise<Response> {
  const page = pageOf(query);
  const { entries, total } = await ports.store.audit(page);
  const lines = entries.map(({ id, at, actor, action, target, detail }) => ({
    id: String(id),
    timestamp: new Date(at).toISOString(),
    level: "info",
    message: `${action} ${target}`,
    metadata: { actor, action, target, ...detail },
  }));
  return Response.json({ logs: lines, total, ...page });
}

function pageOf(query: URLSearchParams): Page {
  return {
    page: whole(query, "page", { fallback: 1, most: 1_000_000 }),
    pageSize: whole(query, "pageSize", { fallback: PAGE_SIZE, most: LARGEST_PAGE }),
  };
}

function whole(query: URLSearchParams, name: string, { fallback, most }: { fallback: number; most: number }): number {
  const text = query.get(name);
  if (text === null) return fallback;
  const value = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (value >= 1 && value <= most) return value;
  throw new Problem(400, "bad_request", { detail: `${name} is a whole number from 1 to ${most}` });
}
