/**
 * - `unreachable`: no engine there, or not for us; `timeout`: it took too long
 * - `refused`: whoever stands before the engine says no
 * - `not-found`, `conflict`, `invalid`: what was asked for is not there, is in use, makes no sense
 * - `not-ours`: it may not be managed by us
 * - `failed`: the engine tried, or speaks in a way we do not understand
 */
export type DockerFailure =
  "unreachable" | "timeout" | "refused" | "not-found" | "conflict" | "invalid" | "not-ours" | "failed";

const STATUSES: Readonly<Record<DockerFailure, number>> = {
  unreachable: 503,
  timeout: 504,
  refused: 502,
  "not-found": 404,
  conflict: 409,
  invalid: 400,
  "not-ours": 403,
  failed: 502,
};

/** What went wrong with an engine; the message is for people and says what to do. */
export class DockerError extends Error {
  readonly kind: DockerFailure;

  constructor(kind: DockerFailure, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "DockerError";
    this.kind = kind;
  }

  /** Of an answer by the admin API. */
  get status(): number {
    return STATUSES[this.kind];
  }
}

/** @param what `GET /containers/json` @param body of the reply: JSON with a `message`, or whatever a proxy says */
export function errorOfReply(status: number, what: string, body: string): DockerError {
  const said = messageOf(body);
  if (status === 403 || status === 401)
    return new DockerError("refused", `${what} is not allowed by what stands before the engine (${status}): ${said}`);
  if (status === 404) return new DockerError("not-found", said);
  if (status === 409) return new DockerError("conflict", said);
  if (status === 400) return new DockerError("invalid", said);
  return new DockerError("failed", `${what}: ${status} ${said}`);
}

function messageOf(body: string): string {
  const text = oneLine(body);
  try {
    const parsed: unknown = JSON.parse(body);
    const message = typeof parsed === "object" && parsed !== null && "message" in parsed ? parsed.message : null;
    return typeof message === "string" ? oneLine(message) : text;
  } catch {
    return text;
  }
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").trim().slice(0, 300) || "(no message)";
}

/** A connection that failed. `code` is the system's, such as ENOENT. */
export function errorOfConnection(error: unknown, where: string, unix: string | null): DockerError {
  if (error instanceof DockerError) return error;
  const { code, message } = error as { code?: unknown; message?: unknown };
  const advice = unix === null ? TCP_ADVICE[String(code)] : SOCKET_ADVICE[String(code)];
  const said = advice ?? oneLine(String(message ?? error));
  return new DockerError("unreachable", `Docker's engine at ${where} cannot be reached: ${said}`, { cause: error });
}

const SOCKET_ADVICE: Readonly<Record<string, string>> = {
  ENOENT: "there is no such socket; is the engine running, and is its socket mounted?",
  EACCES: "this user may not open the socket; add it to the group `docker`, or use a socket proxy",
  EPERM: "this user may not open the socket; add it to the group `docker`, or use a socket proxy",
  ECONNREFUSED: "nobody listens on the socket; is the engine running?",
};

const TCP_ADVICE: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nobody listens there; is the engine, or its proxy, running?",
  ENOTFOUND: "the name is not known",
};
