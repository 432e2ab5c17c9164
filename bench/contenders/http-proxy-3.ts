import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Contender, PLAIN } from "./contender.ts";

const PEERS = join(import.meta.dir, "..", "peers");

/** Installed on demand: a peer is no dependency of Sluice. */
function install(): void {
  if (existsSync(join(PEERS, "node_modules", "http-proxy-3"))) return;
  const done = Bun.spawnSync([process.execPath, "install", "--frozen-lockfile"], { cwd: PEERS });
  if (!done.success) throw new Error(`http-proxy-3 could not be installed: ${done.stderr.toString().trim()}`);
}

export const httpProxy3: Contender = {
  ...PLAIN,
  name: "http-proxy-3",
  tools: [{ command: "node", install: "apt-get install nodejs" }],
  plan({ port, originPort }) {
    install();
    return {
      command: ["node", join(PEERS, "http-proxy-3.mjs"), String(port), `http://127.0.0.1:${originPort}`],
      env: { NODE_ENV: "production" },
    };
  },
};
