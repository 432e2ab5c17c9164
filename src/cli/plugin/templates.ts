/** A plugin that is worth reading: a described field, a hook before the upstream, a hook after it. */
export function pluginSource(name: string): string {
  return `import { definePlugin, t } from "sluice";

export default definePlugin({
  name: "${name}",
  // What \`with:\` may say in sluice.yaml. \`sluice check\` refuses everything else.
  config: t.Object({
    header: t.String({ default: "X-Client", description: "Requests without this header are refused." }),
  }),
  // Runs once for each configuration; what it returns runs for every request.
  setup({ config }) {
    return {
      // The route is known, nothing has been sent. Whoever returns a response answers.
      request(ctx) {
        const client = ctx.headers.get(config.header);
        if (client === null) return ctx.problem("plugin:no_client", { status: 400, detail: \`send \${config.header}\` });
        ctx.log.info("a request", { client });
        ctx.headers.set("X-Seen-By", "${name}");
      },
      // Every reply comes by here, those of request() too.
      response(ctx) {
        ctx.reply.headers.set("X-Seen-By", "${name}");
      },
    };
  },
});
`;
}

export function testSource(name: string): string {
  return `import { expect, test } from "bun:test";
import { testPlugin } from "sluice/testing";
import plugin from "./${name}.ts";

test("who does not say who they are is refused", async () => {
  await using t = await testPlugin(plugin);
  expect((await t.request("/")).status).toBe(400);
  expect(t.upstream.requests).toHaveLength(0);
});

test("who does is served, and both sides hear of ${name}", async () => {
  await using t = await testPlugin(plugin, { config: { header: "X-App" }, upstream: () => new Response("hi") });
  const reply = await t.request("/", { headers: { "X-App": "shop" } });
  expect([reply.status, reply.headers.get("X-Seen-By")]).toEqual([200, "${name}"]);
  expect(t.upstream.requests[0]?.headers.get("X-Seen-By")).toBe("${name}");
});
`;
}
