import type { AdminPorts } from "./admin-ports.ts";
import { Problem, problem } from "./problem.ts";

/** The effective configuration, secrets masked, and what is discovered beside it. */
export function shownConfig({ config, spec, discovery }: AdminPorts): Response {
  return Response.json({ version: spec.version, config, discovery });
}

export interface ReloadAsked {
  readonly actor: string;
  readonly action: "config.reload" | "plugin.reload";
  readonly target: string;
}

/** Everything is read again, whoever asks for what. */
export async function reload(ports: AdminPorts, asked: ReloadAsked): Promise<Response> {
  const outcome = await ports.reload();
  await ports.store.record({ ...asked, detail: { outcome: outcome.kind } });
  switch (outcome.kind) {
    case "applied":
      return Response.json({ applied: true, version: outcome.version, warnings: outcome.warnings });
    case "unchanged":
      return Response.json({ applied: false, version: ports.spec.version, warnings: [] });
    case "invalid":
      return problem(422, "invalid_configuration", { errors: outcome.errors });
    case "refused":
      return problem(422, "configuration_refused", { detail: outcome.reason });
  }
}

/** `text` is YAML, in the place of the file. */
export async function check(ports: AdminPorts, text: string): Promise<Response> {
  return Response.json(await ports.check(text));
}

/** `GET /api/explain?method=&url=&header=k:v&clientIp=` */
export function explain(ports: AdminPorts, query: URLSearchParams): Response {
  const url = query.get("url");
  if (url === null)
    throw new Problem(400, "bad_request", { detail: "url is needed, such as ?url=http://localhost/users/7" });
  const headers = query.getAll("header").map((text): [string, string] => {
    const colon = text.indexOf(":");
    if (colon < 1)
      throw new Problem(400, "bad_request", { detail: `header is name:value, not ${JSON.stringify(text)}` });
    return [text.slice(0, colon).trim(), text.slice(colon + 1).trim()];
  });
  const method = query.get("method") ?? "GET";
  const answer = ports.explain({ method, url, headers, clientIp: query.get("clientIp") ?? "127.0.0.1" });
  const wrong = (answer as { problem?: string }).problem;
  if (wrong !== undefined) throw new Problem(400, "bad_request", { detail: wrong });
  return Response.json(answer);
}
