import { STATUS_CODES } from "node:http";
import type { Diagnostic } from "../config/diagnostics.ts";

export interface ProblemParts {
  readonly detail?: string;
  /** As `sluice check` has them. */
  readonly errors?: readonly Diagnostic[];
  readonly headers?: Readonly<Record<string, string>>;
}

/** An admin reply that says no: RFC 9457, with a code as the proxy's own failures have. */
export function problem(status: number, code: string, { detail, errors, headers }: ProblemParts = {}): Response {
  const body = {
    type: "about:blank",
    title: STATUS_CODES[status] ?? "Error",
    status,
    code,
    ...(detail === undefined ? {} : { detail }),
    ...(errors === undefined ? {} : { errors: errors.map(shown) }),
  };
  return Response.json(body, { status, headers: { ...headers, "Content-Type": "application/problem+json" } });
}

/** Thrown where a reply is not at hand. */
export class Problem extends Error {
  readonly response: () => Response;

  constructor(status: number, code: string, parts: ProblemParts = {}) {
    super(parts.detail ?? code);
    this.response = () => problem(status, code, parts);
  }
}

function shown({ file, line, column, path, message, hint, severity }: Diagnostic): object {
  const place = line > 0 ? { file, line, column } : { file };
  return { ...place, path, message, ...(hint === undefined ? {} : { hint }), severity };
}
