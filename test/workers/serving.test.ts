import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually, Gate } from "../kit/eventually.ts";
import { freePort, isFree } from "../kit/free-port.ts";
import { ask, RawClient } from "../kit/raw-client.ts";
import { RawOrigin } from "../kit/raw-origin.ts";
import { Sluice, sluiceCommand, toYaml } from "../kit/sluice.ts";
import { accessLines, childrenOf, connectToAll, forwarding, GREETING, isAlive, sharedListener } from "./workers.ts";

test("two workers share the port and both serve", async () => {
  await using sluice = await Sluice.start(GREETING);
  expect(childrenOf(sluice.pid)).toHaveLength(2);
  const held = await connectToAll(sluice, [1, 2]);
  for (const { client } of held) client.close();
});

test("port 0 is the same port in all workers", async () => {
  await using sluice = await Sluice.start({ ...GREETING, listeners: [{ name: "any", host: "127.0.0.1", port: 0 }] });
  const [, said] = await eventually("the address", () =>
    /listening on http:\/\/127\.0\.0\.1:(\d+)/.exec(sluice.process.stdout),
  );
  const port = Number(said);
  const seen = () => new Set(accessLines(sluice).map(({ worker }) => worker)).size;
  await eventually("requests at both workers", async () => (await ask(port)).status === 200 && seen() === 2);
});

test("a port in use is one clear error, exit code 1, and no worker was started", async () => {
  const port = await freePort();
  const other = sharedListener(port);
  const folder = mkdtempSync(join(tmpdir(), "sluice-test-"));
  try {
    const file = join(folder, "sluice.yaml");
    writeFileSync(file, toYaml({ listeners: [{ host: "127.0.0.1", port }], ...GREETING }));
    const process = sluiceCommand(["start", "--config", file], { cwd: folder });
    expect(await process.exited()).toBe(1);
    expect(process.stderr.trim().split("\n")).toEqual([expect.stringContaining("the port is in use")]);
    expect(process.stdout).toBe("");
  } finally {
    other.stop();
    rmSync(folder, { recursive: true });
  }
});

test("SIGTERM lets requests in flight at all workers finish, and then exits 0", async () => {
  const gate = new Gate();
  await using origin = await RawOrigin.start(async (request) => {
    if (request.target === "/slow") await gate.opened;
    request.reply({ body: "done" });
  });
  await using sluice = await Sluice.start(forwarding(origin.url));
  const held = await connectToAll(sluice, [1, 2]);
  const before = origin.requests.length;
  for (const { client } of held) client.request({ target: "/slow" });
  await origin.request(before + held.length - 1);
  sluice.signal("SIGTERM");
  await eventually("the port to be let go", () => isFree(sluice.port));
  gate.open();
  for (const { client } of held) expect((await client.read()).text).toBe("done");
  for (const { client } of held) client.close();
  expect(await sluice.process.exited()).toBe(0);
});

test("a second SIGTERM ends the supervisor and its workers at once", async () => {
  await using origin = await RawOrigin.start(() => new Gate().opened);
  await using sluice = await Sluice.start(forwarding(origin.url, { shutdown: { drainMs: "10m" } }));
  const workers = childrenOf(sluice.pid);
  await using client = await RawClient.connect(sluice.port);
  client.request({});
  await origin.request(0);
  sluice.signal("SIGTERM");
  await eventually("the port to be let go", () => isFree(sluice.port));
  sluice.signal("SIGTERM");
  expect(await sluice.process.exited()).toBe(128 + 15);
  await eventually("the end of the workers", () => !workers.some(isAlive));
});

test("a signal to the whole process group means what it means to the supervisor", async () => {
  const gate = new Gate();
  await using origin = await RawOrigin.start(async (request) => {
    await gate.opened;
    request.reply({ body: "done" });
  });
  await using sluice = await Sluice.start(forwarding(origin.url));
  await using client = await RawClient.connect(sluice.port);
  client.request({});
  await origin.request(0);
  for (const worker of childrenOf(sluice.pid)) process.kill(worker, "SIGINT");
  sluice.signal("SIGINT");
  await eventually("the port to be let go", () => isFree(sluice.port));
  gate.open();
  expect((await client.read()).text).toBe("done");
  client.close();
  expect(await sluice.process.exited()).toBe(0);
});

test("`sluice worker` by hand says that it is not for hands", async () => {
  const process = sluiceCommand(["worker"]);
  expect(await process.exited()).toBe(2);
  expect(process.stderr).toContain("only `sluice start` starts workers");
});
