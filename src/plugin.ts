/** The public contract: what `import … from "sluice"` gives. Everything in `plugins/` is written against this alone. */
export type { Static, TSchema } from "@sinclair/typebox";
export type * from "./contract/context.ts";
export { definePlugin } from "./contract/define-plugin.ts";
export type { BodyOptions, Exact, Plugin, PluginDefinition } from "./contract/define-plugin.ts";
export type * from "./contract/hooks.ts";
export { t } from "./contract/schema.ts";
export type * from "./contract/services.ts";
export type { Identity } from "./model/exchange.ts";
export type { HeaderMap } from "./model/header-map.ts";
