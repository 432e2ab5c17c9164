import { describe, expect, test } from "bun:test";
import { basename, join } from "node:path";
import { loadConfig } from "../../src/control/config/load-config.ts";
import { accepted, errorsOf, tempFolder, withUpstream, writeIn } from "./config-files.ts";

const body = async (text: string, env: Record<string, string>) => {
  const { action } = (await accepted(`routes: [{ path: /, respond: { body: ${JSON.stringify(text)} } }]`, { env })).spec
    .routes[0]!;
  return action.kind === "respond" ? action.body : null;
};

describe("substitution", () => {
  test.each([
    ["${A}", { A: "1" }, "1"],
    ["x${A}y${B}z", { A: "1", B: "2" }, "x1y2z"],
    ["${A:-d}", {}, "d"],
    ["${A:-d}", { A: "" }, "d"],
    ["${A:-}", {}, ""],
    ["${A:-a:-b}", {}, "a:-b"],
    ["$${A}", { A: "1" }, "${A}"],
    ["$A $", { A: "1" }, "$A $"],
    ["${A}", { A: "${B}" }, "${B}"],
  ])("%s with %p is %p", async (text, env, result) =>
    expect(await body(text, env as Record<string, string>)).toBe(result),
  );

  test("an unset variable is an error where it stands, with the way out", async () => {
    expect(await errorsOf("proxy:\n  port: ${NOPE}\n")).toEqual([
      "2:9  proxy.port  environment variable NOPE is not set (set it, or give a default: ${NOPE:-value})",
    ]);
  });

  test.each(["${", "${A", "${}", "${a b}", "${A-b}"])("%s is an error, not a guess", async (text) => {
    expect(await errorsOf(`routes: [{ path: /, respond: { body: ${JSON.stringify(text)} } }]`)).toHaveLength(1);
  });

  test("values have the type the schema wants", async () => {
    const env = { PORT: "8181", H2: "false", N: "2", TOKEN: "123", RATE: "0.5" };
    const { spec, config } = await accepted(
      withUpstream(
        "proxy: { port: '${PORT}', http2: '${H2}' }\nadmin: { token: '${TOKEN}' }\nworkers: ${N}\nlogging: { sampling: { successRate: '${RATE}' } }",
      ),
      { env },
    );
    expect(spec.listeners[0]).toMatchObject({ port: 8181, http2: false });
    expect(spec.workers).toBe(2);
    expect(spec.accessLog.successRate).toBe(0.5);
    expect(config.admin?.token).toBe("123");
  });

  test("where YAML reads the braces itself, the hint says to quote", async () => {
    const errors = await errorsOf("proxy: { port: ${PORT}, http2: false }\nroutes: []\n", { env: { PORT: "1" } });
    expect(errors).toHaveLength(1);
    expect(errors[0]).toContain("needs quotes");
  });

  test("a value cannot bring structure with it", async () => {
    const { spec } = await accepted('upstreams: [{ name: a, url: "${U}" }]', { env: { U: "http://h" } });
    expect(spec.upstreams).toHaveLength(1);
    expect((await errorsOf('upstreams: [{ name: a, url: "${U}" }]', { env: { U: "http://h, name: b" } }))[0]).toContain(
      "bad URL",
    );
  });

  test("a file's text, relative to the configuration, without its last newline; and it is watched", async () => {
    const folder = tempFolder();
    const secret = writeIn(folder, "secrets/body", "hush\n");
    const file = writeIn(folder, "sluice.yaml", 'routes: [{ path: /, respond: { body: "${FILE:secrets/body}" } }]');
    const loaded = await loadConfig(file, { env: {} });
    expect(loaded).toMatchObject({
      ok: true,
      files: [file, secret, join(folder, "plugins")],
      spec: { routes: [{ action: { body: "hush" } }] },
    });
    expect((await errorsOf('routes: [{ path: /, respond: { body: "${FILE:none}" } }]'))[0]).toContain(
      "cannot read none: no such file",
    );
  });
});

describe("--set", () => {
  const yaml =
    "upstreams: [{ name: primary-api, url: http://h }, { name: api.v2, url: http://i }]\nroutes: [{ upstream: primary-api }, { path: /2, upstream: api.v2 }]";
  const hosts = async (...sets: string[]) =>
    (await accepted(yaml, { sets })).spec.upstreams.map(({ endpoints }) => endpoints[0]!.host);

  test("enters lists by index and by name, also names with dots", async () => {
    expect(await hosts("upstreams.0.url=http://x")).toEqual(["x", "i"]);
    expect(await hosts("upstreams.primary-api.url=http://y")).toEqual(["y", "i"]);
    expect(await hosts("upstreams.api.v2.url=http://z")).toEqual(["h", "z"]);
    expect(await hosts("upstreams.0.url=http://x", "upstreams.0.url=http://y")).toEqual(["y", "i"]);
  });

  test("creates what is not there", async () => {
    expect(
      (await accepted(yaml, { sets: ["proxy.port=8181", "listeners.0.port=0"] })).spec.listeners.map(
        ({ port }) => port,
      ),
    ).toEqual([8181, 0]);
    expect((await accepted(yaml, { sets: ["upstreams.0.timeout=5s"] })).spec.upstreams[0]!.timeouts.firstByteMs).toBe(
      5000,
    );
    expect((await accepted("# empty but for this\nx-a: 1", { sets: ["logging.level=debug"] })).logging.level).toBe(
      "debug",
    );
  });

  test.each([
    "port",
    "=1",
    "a..b=1",
    "upstreams.7.url=http://x",
    "upstreams.nobody.url=http://x",
    "proxy.prt=1",
    "proxy.port=high",
  ])("%s is told as a mistake of the flag", async (set) => {
    const file = writeIn(tempFolder(), "sluice.yaml", yaml);
    const loaded = await loadConfig(file, { env: {}, sets: [set] });
    expect(loaded.ok ? [] : loaded.errors.map((error) => error.file)).toContain(`--set ${set}`);
  });
});

test("anchors, aliases, merge keys and x- keys work", async () => {
  const { spec } = await accepted(`x-common: &common { timeout: 7s, retries: 2 }
upstreams:
  - { <<: *common, name: a, url: http://h }
  - { <<: [*common, { limits: { maxPending: 3 } }], name: b, url: http://i, timeout: 1s }
routes: [{ path: /a, upstream: a }, { path: /b, upstream: b }]`);
  expect(
    spec.upstreams.map(({ timeouts, retries, limits }) => [timeouts.firstByteMs, retries.max, limits.maxPending]),
  ).toEqual([
    [7000, 2, 1024],
    [1000, 2, 3],
  ]);
});

test("the path of every diagnostic is relative to nothing: the file is named as it was given", async () => {
  const loaded = await loadConfig("./does-not-exist.yaml");
  expect(loaded.ok ? "" : loaded.errors[0]!.file).toBe("./does-not-exist.yaml");
  expect(basename(loaded.files[0]!)).toBe("does-not-exist.yaml");
});
