import { describe, expect, test } from "bun:test";
import { Glob } from "bun";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { breaches, type Sources } from "./architecture/rules.ts";
import { ROOT } from "./kit/sluice.ts";

function productSources(): Sources {
  const files = [...new Glob("{src,plugins}/**/*.ts").scanSync(ROOT)].sort();
  return new Map(files.map((file) => [file, readFileSync(join(ROOT, file), "utf8")]));
}

const of = (file: string, source: string) => breaches(new Map([[file, source]]));

describe("the architecture", () => {
  test("is kept by every file of the product", () => {
    const sources = productSources();
    expect(sources.size).toBeGreaterThan(50);
    expect(breaches(sources)).toEqual([]);
  });
});

describe("the architecture's rules", () => {
  const wrongWays: Array<[file: string, source: string, says: string]> = [
    [
      "src/model/body.ts",
      `import type { X } from "../proxy/gateway.ts";`,
      "(model) must not import src/proxy/gateway.ts",
    ],
    ["src/model/body.ts", `import { x } from "node:fs";`, "imports nothing"],
    ["src/proxy/gateway.ts", `import { x } from "../control/reconciler.ts";`, "must not import src/control"],
    ["src/proxy/gateway.ts", `import { x } from "../observability/logger.ts";`, "must not import src/observability"],
    ["src/proxy/a/b.ts", `export * from "../../main.ts";`, "must not import src/main.ts (root)"],
    ["src/proxy/gateway.ts", `const x = await import("../control/reconciler.ts");`, "must not import src/control"],
    ["src/proxy/gateway.ts", `import pino from "pino";`, "must not import the package pino"],
    [
      "src/control/reconciler.ts",
      `import { x } from "../observability/logger.ts";`,
      "must not import src/observability",
    ],
    ["src/control/reconciler.ts", `import { x } from "../cli/start.ts";`, "must not import src/cli"],
    ["src/observability/logger.ts", `import { x } from "../proxy/gateway.ts";`, "must not import src/proxy"],
    ["src/proxy/gateway.ts", `import {\n  x,\n  y,\n} from "../control/x.ts";`, "must not import src/control"],
    ["plugins/headers.ts", `import { x } from "../src/model/body.ts";`, "must not import src/model"],
    ["plugins/headers.ts", `import { x } from "../src/plugin.ts";`, `as "sluice"`],
    ["plugins/headers.ts", `import { x } from "elysia";`, `nothing but "sluice"`],
    ["src/proxy/gateway.ts", `function f(r: Request) {}`, "must not know Request"],
    ["src/proxy/gateway.ts", `return new Response("x");`, "must not know Response"],
    ["src/proxy/gateway.ts", `await fetch(url);`, "must not know fetch("],
    ["src/proxy/utils.ts", ``, "no drawers"],
    ["src/proxy/bigFile.ts", ``, "kebab-case"],
    ["src/proxy/big.ts", "\n".repeat(251), "251 lines"],
  ];
  for (const [file, source, says] of wrongWays) {
    test(`fail ${file} with ${JSON.stringify(source.length > 80 ? `${source.length} bytes` : source)}`, () => {
      expect(of(file, source).join()).toContain(says);
    });
  }

  const rightWays: Array<[file: string, source: string]> = [
    ["src/proxy/gateway.ts", `import type { Body } from "../model/body.ts";`],
    ["src/proxy/gateway.ts", `// a Request, and import "../control/x.ts"\nconst text = "Response fetch(";`],
    ["src/proxy/gateway.ts", `transports.fetch(spec); interface RequestHead {}`],
    ["src/proxy/listener/serve-listener.ts", `function f(r: Request): Response { return new Response(); }`],
    ["src/control/reconciler.ts", `import { x } from "../proxy/data-plane.ts"; import { y } from "yaml";`],
    ["src/observability/logger.ts", `import pino from "pino"; import type { E } from "../model/exchange.ts";`],
    ["src/main.ts", `import { x } from "./control/x.ts"; import { y } from "./cli/y.ts";`],
    ["plugins/headers.ts", `import { definePlugin } from "sluice";`],
  ];
  for (const [file, source] of rightWays) {
    test(`let ${file} have ${JSON.stringify(source)}`, () => expect(of(file, source)).toEqual([]));
  }
});
