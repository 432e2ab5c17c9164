import { DOCKER_DEFAULTS, type DockerRules } from "../discovery/docker/mapping-options.ts";
import type { ReachSetting } from "../discovery/docker/choose-reach.ts";
import { parseEngineAddress } from "../discovery/docker/engine-address.ts";
import type { EngineTls } from "../discovery/docker/engine-http.ts";
import type { BuildContext } from "./build-context.ts";
import { DEFAULTS } from "./defaults.ts";
import type { ConfigPath } from "./diagnostics.ts";
import { FileProblem } from "./file-access.ts";

export interface DockerSettings {
  readonly endpoint: string;
  readonly tls: EngineTls | null;
  readonly rules: DockerRules;
  readonly reach: ReachSetting;
  readonly graceMs: number;
  /** null: containers are looked at and left alone. */
  readonly management: { readonly images: readonly string[] | null } | null;
}

type DockerConfig = NonNullable<NonNullable<BuildContext["config"]["discovery"]>["docker"]>;

const PATH: ConfigPath = ["discovery", "docker"];

/** @param hasToken containers may only be managed by somebody who has one */
export function buildDocker(context: BuildContext, hasToken: boolean): DockerSettings | null {
  const { docker } = context.config.discovery ?? {};
  if (docker === undefined || docker.enabled === false) return null;
  const { endpoint = DEFAULTS.discovery.docker.endpoint, reach = "auto", grace, management } = docker;
  const tls = buildTls(docker.tls, context);
  try {
    parseEngineAddress(endpoint, tls !== null);
  } catch (error) {
    context.error([...PATH, "endpoint"], (error as Error).message);
  }
  const isManaged = management?.enabled === true;
  if (isManaged && !hasToken)
    context.error([...PATH, "management"], "managing containers needs a token", "set admin.token");
  return {
    endpoint,
    tls,
    rules: rulesOf(docker),
    reach,
    graceMs: grace ?? DEFAULTS.discovery.docker.graceMs,
    management: isManaged ? { images: listOf(management.images) } : null,
  };
}

function rulesOf(docker: DockerConfig): DockerRules {
  const { allow = {} } = docker;
  return {
    exposedByDefault: docker.exposedByDefault ?? DOCKER_DEFAULTS.exposedByDefault,
    defaultHosts: listOf(docker.defaultHost) ?? DOCKER_DEFAULTS.defaultHosts,
    network: docker.network ?? null,
    auth: docker.auth === "required" ? "required" : null,
    allow: { hosts: listOf(allow.hosts), paths: listOf(allow.paths), plugins: listOf(allow.plugins) },
  };
}

function listOf(list: ReadonlyArray<string | undefined> | undefined): string[] | null {
  return list?.filter((item) => item !== undefined) ?? null;
}

function buildTls(tls: DockerConfig["tls"], context: BuildContext): EngineTls | null {
  if (tls === undefined) return null;
  const read = (key: "ca" | "cert" | "key") => {
    const file = tls[key];
    if (file === undefined) return {};
    try {
      return { [key]: context.files.text(file) };
    } catch (error) {
      if (!(error instanceof FileProblem)) throw error;
      context.error([...PATH, "tls", key], error.message);
      return {};
    }
  };
  return { ...read("ca"), ...read("cert"), ...read("key") };
}
