import { isLoopback } from "../admin/guard.ts";
import type { BuildContext } from "./build-context.ts";
import { buildDiscovery, type DiscoverySettings } from "./build-discovery.ts";
import { DEFAULTS } from "./defaults.ts";
import type { Environment } from "./substitute.ts";

/** Where the admin API listens, and who may ask. */
export interface AdminSettings {
  readonly host: string;
  readonly port: number;
  /** "": none. */
  readonly token: string;
  readonly readOnlyToken: string;
}

/** What is not the data plane's concern: who manages, and where that is kept. */
export interface ManagementSettings {
  /** null: there is none. */
  readonly admin: AdminSettings | null;
  readonly storeUrl: string;
  readonly discovery: DiscoverySettings;
}

const DEFAULT_STORE = "sqlite:data/sluice.db";

export function buildManagement(context: BuildContext, env: Environment): ManagementSettings {
  const { store } = context.config;
  const given = store?.url ?? env.DATABASE_URL ?? "";
  const hasToken = (context.config.admin?.token ?? "") !== "";
  const discovery = buildDiscovery(context, hasToken);
  return { admin: buildAdmin(context), storeUrl: given === "" ? DEFAULT_STORE : given, discovery };
}

function buildAdmin(context: BuildContext): AdminSettings | null {
  const { admin } = context.config;
  if (admin === undefined || admin.enabled === false) return null;
  const { host = DEFAULTS.admin.host, port = DEFAULTS.admin.port, token = "", readOnlyToken = "" } = admin;
  if (token === "" && !isLoopback(host)) {
    const hint = "set it, or listen on 127.0.0.1";
    context.error(["admin", "token"], `off loopback (${host}) the admin API needs a token`, hint);
  }
  if (readOnlyToken !== "" && token === "")
    context.error(
      ["admin", "readOnlyToken"],
      "without admin.token everybody may write, and nobody needs this one",
      "set admin.token",
    );
  if (readOnlyToken !== "" && readOnlyToken === token)
    context.error(["admin", "readOnlyToken"], "is the same as admin.token", "use another one");
  return { host, port, token, readOnlyToken };
}
