/** The test kit: what `import … from "sluice/testing"` gives. */
export { testPlugin } from "./testing/test-plugin.ts";
export type { PluginTest, TestLog, TestOptions, TestRequest } from "./testing/test-plugin.ts";
export type { UpstreamRequest } from "./testing/test-transport.ts";
