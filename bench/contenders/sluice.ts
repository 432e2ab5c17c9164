/** Sluice with what every deployment has on: routing, round-robin over three endpoints, forwarded headers, counters. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import { freePort } from "../harness/ports.ts";
import type { StartPlan } from "../harness/processes.ts";
import { type Contender, PLAIN, type Place } from "./contender.ts";

const REPOSITORY = join(import.meta.dir, "..", "..");
const ENDPOINT_HOSTS = ["127.0.0.1", "127.0.0.2", "127.0.0.3"];
const BUN_TOOL = { command: "bun", install: "https://bun.sh" };
const OPENSSL_TOOL = { command: "openssl", install: "apt-get install openssl" };

interface Variant {
  readonly edge: "serve" | "wire";
  /** Routes nobody asks for, beside the one that is measured. */
  readonly otherRoutes?: number;
  readonly access?: "sampled";
  readonly tls?: boolean;
  readonly workers?: number;
  /** Health, breakers, retries, limits: everything that watches over an upstream. */
  readonly guarded?: true;
}

const GUARDS = {
  health: { active: { type: "tcp", interval: "5s" }, passive: { failureRatio: 0.5 }, slowStart: "10s" },
  circuitBreaker: { failureThreshold: 5, failureRatio: 0.5, openDuration: "5s", scope: "both" },
  retries: { max: 2, perTry: "5s" },
};

function configuration({ workspace, port, originPort }: Place, variant: Variant): object {
  const plugins = workspace.file("no-plugins");
  mkdirSync(plugins, { recursive: true });
  const tls = variant.tls === true ? { tls: workspace.certificate() } : {};
  const others = Array.from({ length: variant.otherRoutes ?? 0 }, (_, index) => ({
    path: `/service-${index}/*`,
    upstream: "origin",
  }));
  return {
    listeners: [{ name: "web", host: "127.0.0.1", port, edge: variant.edge, ...tls }],
    admin: { host: "127.0.0.1", port: freePort() },
    workers: variant.workers ?? 1,
    plugins: { dir: plugins },
    limits: { maxBodySize: "64mb" },
    timeouts: { keepAlive: "15m" },
    upstreams: [
      {
        name: "origin",
        endpoints: ENDPOINT_HOSTS.map((host) => ({ url: `http://${host}:${originPort}` })),
        balance: "round-robin",
        ...(variant.guarded === true ? GUARDS : {}),
      },
    ],
    routes: [...others, { name: "all", path: "/*", upstream: "origin" }],
    logging: { level: "warn", access: variant.access ?? "off" },
  };
}

function plan(place: Place, variant: Variant): StartPlan {
  const file = place.workspace.write(`sluice-${place.port}.yaml`, stringify(configuration(place, variant)));
  return {
    command: [process.execPath, join(REPOSITORY, "src", "main.ts"), "start", "--config", file],
    env: { BUN_CONFIG_MAX_HTTP_REQUESTS: "65535", NODE_ENV: "production" },
    cwd: place.workspace.dir,
  };
}

function sluice(suffix: string, variant: Variant, changes: Partial<Contender> = {}): Contender {
  return {
    ...PLAIN,
    name: `sluice-${suffix}`,
    tools: [BUN_TOOL],
    plan: (place) => plan(place, variant),
    ...changes,
  };
}

/** A variant of the wire edge: only in the long run, and only where what it adds is not drowned by the body. */
function wireVariant(suffix: string, variant: Partial<Variant>, changes: Partial<Contender> = {}): Contender {
  return sluice(`wire-${suffix}`, { edge: "wire", ...variant }, { quick: false, paths: ["/"], ...changes });
}

export const sluices: readonly Contender[] = [
  sluice("serve", { edge: "serve" }),
  sluice("wire", { edge: "wire" }),
  wireVariant("10k-routes", { otherRoutes: 9_999 }),
  wireVariant("guarded", { guarded: true }),
  wireVariant("log", { access: "sampled" }),
  wireVariant(
    "tls",
    { tls: true },
    { scheme: "https", reference: "nginx-tls", paths: PLAIN.paths, tools: [BUN_TOOL, OPENSSL_TOOL] },
  ),
  wireVariant("w2", { workers: 2 }, { cores: 2 }),
];
