import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ProxyProcess } from "../kit/proxy-process.ts";

const SCRIPT = join(import.meta.dir, "watched-process.ts");

function watched(behaviour: string): ProxyProcess {
  return new ProxyProcess([process.execPath, SCRIPT, behaviour]);
}

function lastLine(process: ProxyProcess): unknown {
  return JSON.parse(process.stdout.trim().split("\n").at(-1)!);
}

test("a process that a hook blocks says which, and exits 70", async () => {
  const process = watched("hook");
  expect(await process.exited()).toBe(70);
  expect(lastLine(process)).toMatchObject({
    level: "fatal",
    hook: "jwt request",
    pending: [],
    msg: "a hook blocked the event loop: jwt request; exiting",
  });
});

test("a process that is blocked while hooks wait names those", async () => {
  const process = watched("after-await");
  expect(await process.exited()).toBe(70);
  expect(lastLine(process)).toMatchObject({ level: "fatal", hook: null, pending: ["jwt request"] });
});

test("many hooks one after the other are no block, however late the timers are", async () => {
  const process = watched("busy");
  expect(await process.exited()).toBe(0);
  expect(process.stdout).toContain("served");
});

test("a compilation that takes longer than a hook may is no reason to end", async () => {
  const process = watched("compile");
  expect(await process.exited()).toBe(0);
  expect(process.stdout).toContain("compiled");
});

test("a watchdog that was stopped ends nothing", async () => {
  const process = watched("stop");
  expect(await process.exited()).toBe(0);
  expect(process.stdout).toContain("still there");
});

test("a process that was suspended goes on", async () => {
  const process = watched("idle");
  await process.says("ready");
  process.signal("SIGSTOP");
  await Bun.sleep(2000);
  process.signal("SIGCONT");
  await Bun.sleep(500);
  expect(process.running).toBe(true);
  expect(process.output).not.toContain("exiting");
  await process.kill();
});

test("the watchdog is in the one-file executable", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sluice-test-"));
  try {
    const file = join(folder, "watched");
    const words = ["build", "--compile", "--minify-syntax", "--outfile", file, SCRIPT];
    const built = Bun.spawnSync([process.execPath, ...words]);
    expect(built.exitCode).toBe(0);
    const child = new ProxyProcess([file, "hook"]);
    expect(await child.exited()).toBe(70);
    expect(lastLine(child)).toMatchObject({ hook: "jwt request" });
  } finally {
    rmSync(folder, { recursive: true });
  }
}, 60_000);
