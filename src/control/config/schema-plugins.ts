import { Type, type Static } from "@sinclair/typebox";
import { anything, mapOf, oneOrMany, optional, record } from "./schema-kit.ts";
import { bool, choice, duration, name, text } from "./schema-scalars.ts";

const PluginUse = record({
  use: name({ description: "A plugin, or a name from `plugins.define`." }),
  with: optional(anything({ description: "Its configuration, as the plugin describes it." })),
  timeoutMs: optional(
    duration({ description: "Deadline of each hook that waits. Default: the plugin's own, else 1s." }),
  ),
  onError: optional(
    choice(["fail", "continue"], {
      description:
        "What a hook that throws or takes too long does: `fail` answers 502, `continue` passes it over. Default: the plugin's own, else `fail`.",
    }),
  ),
  onSetupError: optional(
    choice(["exit", "retry"], {
      description:
        "What a set-up that fails does at the first start: `exit` ends Sluice, `retry` starts it, and the routes that use the plugin answer 503 until it works.",
      default: "exit",
    }),
  ),
  enabled: optional(bool({ description: "false leaves it out.", default: true })),
});

const Use = Type.Union([name({ description: "A plugin, or a name from `plugins.define`." }), PluginUse]);

export const routePluginsField = optional(
  Type.Array(Use, { description: "Plugins of this route, in this order, after those of `plugins.all`." }),
);

export const skipField = optional(
  Type.Array(name({ description: "A plugin." }), {
    description: "Plugins of `plugins.all` that this route goes without.",
  }),
);

export const pluginsField = optional(
  record(
    {
      dir: optional(
        oneOrMany(text({ description: "A folder." }), {
          description: "Where plugin files are; relative paths start at this file's folder.",
          default: "plugins",
        }),
      ),
      define: optional(
        mapOf(PluginUse, { description: "Plugins with their configuration, named once and used by that name." }),
      ),
      all: optional(Type.Array(Use, { description: "Plugins of every route, in this order." })),
      serverTiming: optional(
        bool({
          description:
            "Replies to requests that carry `X-Server-Timing` say in `Server-Timing` how long each hook took.",
          default: false,
        }),
      ),
    },
    { description: "Programs that look at and change requests." },
  ),
);

export type PluginUseConfig = Static<typeof PluginUse>;
