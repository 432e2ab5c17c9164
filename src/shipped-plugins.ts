/** The plugins that ship with Sluice. Literal imports, so that the one-file executable holds them too. */
export const SHIPPED_PLUGINS: Readonly<Record<string, () => Promise<{ default: unknown }>>> = {
  cors: () => import("../plugins/cors.ts"),
  "key-auth": () => import("../plugins/key-auth.ts"),
  "basic-auth": () => import("../plugins/basic-auth.ts"),
  jwt: () => import("../plugins/jwt/index.ts"),
  "hmac-auth": () => import("../plugins/hmac-auth.ts"),
  "forward-auth": () => import("../plugins/forward-auth.ts"),
  "ip-restriction": () => import("../plugins/ip-restriction.ts"),
  headers: () => import("../plugins/headers/index.ts"),
  rewrite: () => import("../plugins/rewrite/index.ts"),
  "body-json": () => import("../plugins/body-json/index.ts"),
  "request-validation": () => import("../plugins/request-validation/index.ts"),
  "response-rewrite": () => import("../plugins/response-rewrite/index.ts"),
  canary: () => import("../plugins/canary.ts"),
  mirror: () => import("../plugins/mirror/index.ts"),
  maintenance: () => import("../plugins/maintenance.ts"),
  mock: () => import("../plugins/mock/index.ts"),
  "fault-injection": () => import("../plugins/fault-injection.ts"),
  "security-headers": () => import("../plugins/security-headers.ts"),
  compress: () => import("../plugins/compress/index.ts"),
  "size-limit": () => import("../plugins/size-limit.ts"),
  "log-http": () => import("../plugins/log-http.ts"),
};

/** null: none ships by that name. */
export function shippedPlugin(name: string): Promise<{ default: unknown }> | null {
  return Object.hasOwn(SHIPPED_PLUGINS, name) ? SHIPPED_PLUGINS[name]!() : null;
}
