import type { RefusalCode, RegistryRefusal } from "./instance.ts";

export interface RegistryReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const REFUSALS: Readonly<Record<RefusalCode, readonly [status: number, title: string]>> = {
  bad_request: [400, "Bad Request"],
  invalid_registration: [400, "Invalid Registration"],
  address_forbidden: [403, "Address Forbidden"],
  instance_not_found: [404, "Instance Not Found"],
  reserved_service: [409, "Reserved Service"],
  instance_conflict: [409, "Instance Conflict"],
  body_too_large: [413, "Body Too Large"],
  registry_unavailable: [503, "Registry Unavailable"],
  registry_full: [507, "Registry Full"],
};

export function jsonReply(status: number, value: unknown): RegistryReply {
  const headers = { "content-type": "application/json", "cache-control": "no-store" };
  return { status, headers, body: `${JSON.stringify(value)}\n` };
}

/** Problem details (RFC 9457), each mistake with the field it stands in. */
export function refusalReply({ code, message, problems }: RegistryRefusal): RegistryReply {
  const [status, title] = REFUSALS[code];
  const diagnostics = problems.map((problem) => ({ ...problem, severity: "error" }));
  const extra = diagnostics.length === 0 ? {} : { diagnostics };
  const reply = problem({ status, title, code, detail: message, ...extra });
  return status === 503 ? { ...reply, headers: { ...reply.headers, "retry-after": "5" } } : reply;
}

export function notFoundReply(path: string): RegistryReply {
  return problem({ status: 404, title: "Not Found", code: "not_found", detail: `nothing is at ${path.slice(0, 200)}` });
}

/** RFC 9110 §15.5.6: it says which methods there are. */
export function methodReply(allowed: readonly string[]): RegistryReply {
  const allow = allowed.join(", ");
  const reply = problem({
    status: 405,
    title: "Method Not Allowed",
    code: "method_not_allowed",
    detail: `use ${allow}`,
  });
  return { ...reply, headers: { ...reply.headers, allow } };
}

function problem(members: { status: number; title: string; code: string; detail: string }): RegistryReply {
  const headers = { "content-type": "application/problem+json", "cache-control": "no-store" };
  return { status: members.status, headers, body: `${JSON.stringify({ type: "about:blank", ...members })}\n` };
}
