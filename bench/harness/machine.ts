/** The machine and the versions a result belongs to, without anything that names the host. */
import { cpus, loadavg, release, totalmem } from "node:os";

const VERSION_COMMANDS: Readonly<Record<string, readonly string[]>> = {
  nginx: ["nginx", "-v"],
  haproxy: ["haproxy", "-v"],
  caddy: ["caddy", "version"],
  node: ["node", "--version"],
  wrk: ["wrk", "-v"],
  openssl: ["openssl", "version"],
};

function version(name: string, command: readonly string[]): string {
  if (Bun.which(name) === null) return `${name} (not installed)`;
  const { stdout, stderr } = Bun.spawnSync([...command]);
  const number = /\d+(\.\d+)+\S*/.exec(`${stdout.toString()}${stderr.toString()}`)?.[0] ?? "of unknown version";
  return `${name} ${number.replace(/[,;]$/, "")}`;
}

export function describeMachine(): string[] {
  const cores = cpus();
  const tools = Object.entries(VERSION_COMMANDS).map(([name, command]) => version(name, command));
  const [minute = 0] = loadavg();
  return [
    `${cores.length} × ${cores[0]?.model.trim() ?? "unknown CPU"}, ${(totalmem() / 2 ** 30).toFixed(0)} GiB`,
    `Linux ${release().replace(/^(\d+\.\d+).*/, "$1")} ${process.arch}, load average at the start ${minute.toFixed(1)}`,
    ["bun", Bun.version].join(" "),
    ...tools,
  ];
}
