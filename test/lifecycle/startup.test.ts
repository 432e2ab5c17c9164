import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort, isFree } from "../kit/free-port.ts";
import { RawOrigin } from "../kit/raw-origin.ts";
import { type Config, sluiceCommand, toYaml } from "../kit/sluice.ts";

interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly file: string;
}

/** Runs a command on a configuration file of its own, to its end. */
async function run(words: readonly string[], config?: Config | string): Promise<Run> {
  const directory = mkdtempSync(join(tmpdir(), "sluice-test-"));
  const file = join(directory, "sluice.yaml");
  if (config !== undefined) writeFileSync(file, typeof config === "string" ? config : toYaml(config));
  const command = sluiceCommand(
    words.map((word) => (word === "FILE" ? file : word)),
    { cwd: directory },
  );
  try {
    return { code: await command.exited(), stdout: command.stdout, stderr: command.stderr, file };
  } finally {
    await command.kill();
    rmSync(directory, { recursive: true, force: true });
  }
}

const start = (config?: Config | string) => run(["start", "--config", "FILE"], config);
const respond = { routes: [{ path: "/*", respond: { body: "x" } }] };
const routeTo = (upstream: string) => ({ routes: [{ path: "/*", upstream }] });
const listener = (port: number, more: Config = {}) => ({ name: `l${port}`, host: "127.0.0.1", port, ...more });

interface Mistake {
  readonly name: string;
  readonly config: Config | string;
  /** Each appears in what is said. */
  readonly says: readonly RegExp[];
}

const MISTAKES: readonly Mistake[] = [
  {
    name: "a misspelt key",
    config: { upstrems: [] },
    says: [/sluice\.yaml:1:1/, /upstrems/, /did you mean.*upstreams/i],
  },
  { name: "a number that is a word", config: { listeners: [{ port: "eighty" }] }, says: [/listeners\.0\.port/] },
  { name: "a port over 65535", config: { listeners: [{ port: 65536 }] }, says: [/listeners\.0\.port/, /65535/] },
  { name: "an upstream nobody knows", config: routeTo("nobody"), says: [/nobody/, /routes\.0\.upstream/] },
  {
    name: "two upstreams of one name",
    config: {
      upstreams: [
        { name: "twin", url: "http://127.0.0.1:1" },
        { name: "twin", url: "http://127.0.0.1:2" },
      ],
      ...respond,
    },
    says: [/twin/],
  },
  {
    name: "two routes of one name",
    config: {
      routes: [
        { name: "twin", ...respond.routes[0] },
        { name: "twin", path: "/x", respond: {} },
      ],
    },
    says: [/twin/],
  },
  {
    name: "a URL that is none",
    config: { upstreams: [{ name: "u", url: "not a url" }], ...routeTo("u") },
    says: [/upstreams\.0/],
  },
  {
    name: "a URL of another scheme",
    config: { upstreams: [{ name: "u", url: "ftp://h" }], ...routeTo("u") },
    says: [/ftp|http/],
  },
  {
    name: "http2 over http",
    config: { upstreams: [{ name: "u", url: "http://h", protocol: "http2" }], ...routeTo("u") },
    says: [/https/],
  },
  {
    name: "TLS files that cannot be read",
    config: { listeners: [{ port: 1, tls: { cert: "no-cert.pem", key: "no-key.pem" } }], ...respond },
    says: [/no-cert\.pem/],
  },
  {
    name: "a route without an action",
    config: { routes: [{ path: "/x" }] },
    says: [/routes\.0/, /upstream|respond/],
  },
  { name: "YAML that ends too early", config: "routes: [\n", says: [/sluice\.yaml:\d+:\d+/] },
  { name: "a list for a configuration", config: "- 1\n", says: [/sluice\.yaml/] },
  {
    name: "a regular expression that is none",
    config: { routes: [{ headers: { a: { regex: "(" } }, respond: {} }] },
    says: [/regex/],
  },
  {
    name: "a bad address block",
    config: { trustedProxies: ["10.0.0.0/99"], ...respond },
    says: [/trustedProxies\.0/],
  },
];

/** One clear message for a person: no stack, no source line of ours. */
function expectClear({ stderr }: Run): void {
  expect(stderr.trim()).not.toBe("");
  expect(stderr).not.toMatch(/^\s+at |\bsrc\/|node_modules|Error:/m);
}

describe("a start that cannot succeed", () => {
  for (const { name, config, says } of MISTAKES) {
    test(`because of ${name} exits 1 and says so`, async () => {
      const ran = await start(config);
      for (const pattern of says) expect(ran.stderr).toMatch(pattern);
      expectClear(ran);
      expect(ran.code).toBe(1);
    });
  }

  test("names every mistake at once", async () => {
    const { stderr } = await start({
      upstrems: [],
      listeners: [{ port: "x" }],
      routes: [{ path: "/*", upstream: "u", respnd: 1 }],
    });
    for (const word of ["upstrems", "listeners.0.port", "respnd"]) expect(stderr).toContain(word);
  });

  test("because the file does not exist exits 1 and names it", async () => {
    const ran = await start();
    expect(ran.stderr).toContain(ran.file);
    expectClear(ran);
    expect(ran.code).toBe(1);
  });

  test("because a port is in use exits 1, in one line that names it", async () => {
    await using taken = await RawOrigin.start();
    const ran = await start({ listeners: [listener(taken.port)], ...respond });
    expect(ran.stderr.trim().split("\n")).toHaveLength(1);
    expect(ran.stderr).toContain(String(taken.port));
    expectClear(ran);
    expect(ran.code).toBe(1);
  });

  test("because the second port is in use leaves the first one free and never says ready", async () => {
    await using taken = await RawOrigin.start();
    const first = await freePort();
    const ran = await start({ listeners: [listener(first), listener(taken.port)], ...respond });
    expect([ran.code, ran.stdout.includes("ready"), await isFree(first)]).toEqual([1, false, true]);
    expect(ran.stderr).toContain(String(taken.port));
  });

  test("because one port is listened on twice exits 1", async () => {
    const port = await freePort();
    const ran = await start({ listeners: [listener(port), { ...listener(port), name: "again" }], ...respond });
    expectClear(ran);
    expect(ran.code).toBe(1);
  });

  test("because an address is not ours exits 1 and names it", async () => {
    const ran = await start({ listeners: [{ host: "192.0.2.1", port: 8080 }], ...respond });
    expect(ran.stderr).toContain("192.0.2.1");
    expectClear(ran);
    expect(ran.code).toBe(1);
  });
});

describe("the command line", () => {
  test("answers an unknown command with exit 2 and where to look", async () => {
    const ran = await run(["strat"]);
    expect([ran.code, ran.stderr.includes("strat")]).toEqual([2, true]);
    expectClear(ran);
  });

  for (const words of [["start", "--confg", "x"], ["start", "--config"], ["check", "--nope"], ["explain"]]) {
    test(`answers "sluice ${words.join(" ")}" with exit 2`, async () => {
      const ran = await run(words);
      expectClear(ran);
      expect(ran.code).toBe(2);
    });
  }

  test("check exits 0 for a good file and listens on nothing", async () => {
    await using taken = await RawOrigin.start();
    expect((await run(["check", "--config", "FILE"], { listeners: [listener(taken.port)], ...respond })).code).toBe(0);
  });

  for (const word of ["check", "validate"]) {
    test(`${word} exits 1 for a bad file and says FILE:LINE:COL path message`, async () => {
      const ran = await run([word, "--config", "FILE"], "routes:\n  - path: /*\n    upstream: nobody\n");
      expect(ran.code).toBe(1);
      expect(ran.stdout + ran.stderr).toMatch(/sluice\.yaml:3:15\s+routes\.0\.upstream\s+\S/);
    });
  }

  test("--set overrides one field of the file", async () => {
    const ran = await run(["check", "--config", "FILE", "--set", "routes.0.upstream=nobody"], respond);
    expect(ran.code).toBe(1);
  });
});
