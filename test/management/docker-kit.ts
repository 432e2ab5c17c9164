import { AdminSluice, TOKEN } from "../admin/admin-sluice.ts";
import type { DockerEngine } from "../kit/docker-engine.ts";
import { ask, type FullReply, type RequestParts } from "../kit/raw-client.ts";
import type { Config } from "../kit/sluice.ts";

/** An engine may be busy with others. */
const ENGINE_MS = 20_000;

/** A Sluice that finds the containers of this engine, and lets whoever has the token ask about it. */
export function sluiceFor(engine: DockerEngine, docker: Config = {}, more: Config = {}): Promise<AdminSluice> {
  const discovery = { docker: { endpoint: engine.endpoint, ...docker } };
  return AdminSluice.start({ discovery, ...more }, { token: TOKEN });
}

export function labelled(labels: Readonly<Record<string, string>>): string[] {
  return Object.entries(labels).flatMap(([label, value]) => ["--label", `${label}=${value}`]);
}

/** As many connections as make sure that every worker is asked. */
const CONNECTIONS = 12;

/** What all workers answer, where they agree: `200`; else `200 404`. */
export async function statusOf(sluice: AdminSluice, host: string, target = "/"): Promise<string> {
  const replies = await asked(sluice, { host, target });
  return [...new Set(replies.map(({ status }) => String(status)))].sort().join(" ");
}

/** Which containers have answered. */
export async function whoAnswers(sluice: AdminSluice, host: string, target = "/"): Promise<string[]> {
  const replies = await asked(sluice, { host, target });
  return [...new Set(replies.map((reply) => String(reply.json()["who"])))].sort();
}

/** Until every worker answers with it. */
export async function answers(sluice: AdminSluice, status: number, host: string, target = "/"): Promise<void> {
  let seen = "";
  await becomes(`${host}${target} answers ${status}`, async () => {
    seen = await statusOf(sluice, host, target);
    return seen === String(status);
  }).catch((error: Error) => {
    throw new Error(`${error.message}, but ${seen}`);
  });
}

/** Until `probe` says so. Asks less often than `eventually`: an engine has work to do. */
export async function becomes(what: string, probe: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + ENGINE_MS;
  while (!(await probe())) {
    if (performance.now() > deadline) throw new Error(`never happened within ${ENGINE_MS} ms: ${what}`);
    await Bun.sleep(40);
  }
}

function asked(sluice: AdminSluice, parts: RequestParts): Promise<FullReply[]> {
  return Promise.all(Array.from({ length: CONNECTIONS }, () => ask(sluice.sluice.port, parts)));
}

/** What is found and not served, by container: `shop: the label …`. */
export async function leftOut(sluice: AdminSluice): Promise<string[]> {
  const { json } = await sluice.admin.get("/api/config");
  const all = json.discovery.leftOut as Array<{ from: string; reasons: string[] }>;
  return all.map(({ from, reasons }) => `${from}: ${reasons.join("; ")}`);
}
