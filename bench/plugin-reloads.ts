/**
 * Saves a plugin file again and again under load and watches memory, failures and generations:
 *
 *   bun bench/plugin-reloads.ts [RELOADS=10000] [WORKERS=2]
 *
 * Prints a line every 250 reloads; the last says what the judge of issue 4 asks: RSS over the start, failed requests, and whether
 * every old generation was closed.
 */
import { readFileSync } from "node:fs";
import { ask } from "../test/kit/raw-client.ts";
import { Sluice } from "../test/kit/sluice.ts";
import { startLoad } from "../test/lifecycle/load.ts";
import { PluginFolder } from "../test/pipeline/plugin-folder.ts";

const reloads = Number(process.argv[2] ?? 10_000);
const workers = Number(process.argv[3] ?? 2);
const PATIENCE_MS = 10_000;

using folder = new PluginFolder();
const save = (word: string) => folder.write("word", `response(ctx) { ctx.reply.headers.set("X-Word", "${word}"); }`);

const origin = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("ok") });
save("start");
await using sluice = await Sluice.start({
  workers,
  logging: { level: "debug", access: "off" },
  plugins: { dir: folder.path },
  upstreams: [{ name: "api", url: origin.url.href }],
  routes: [{ path: "/*", upstream: "api", plugins: ["word"] }],
});

const load = startLoad(sluice.port, 4);
await Bun.sleep(2000);
const first = treeRssMb();
console.log(`start: ${first.toFixed(0)} MB in ${processes().length} processes`);
let slowestMs = 0;
for (let n = 1; n <= reloads; n++) {
  const began = performance.now();
  save(`w${n}`);
  while ((await ask(sluice.port)).header("x-word") !== `w${n}`)
    if (performance.now() - began > PATIENCE_MS) throw new Error(`reload ${n} did not take effect`);
  slowestMs = Math.max(slowestMs, performance.now() - began);
  if (n % 250 === 0 || n === reloads) {
    console.log(
      `${n}: ${treeRssMb().toFixed(0)} MB, ${load.answered} answered, slowest ${slowestMs.toFixed(0)} ms, renewed ${count("worker.renewed")}`,
    );
    slowestMs = 0;
  }
}
const failures = await load.stop();
await Bun.sleep(3000);
const grown = treeRssMb() - first;
console.log(
  `RSS +${grown.toFixed(0)} MB, ${failures.length} failed, ${count("plugin.setup")} set up, ${count("plugin.closed")} closed`,
);
void origin.stop(true);
for (const failure of failures.slice(0, 5)) console.log(failure);

function count(type: string): number {
  return sluice.timesLogged(`"${type}"`);
}

/** Sluice and all it started. */
function processes(): number[] {
  const all = [sluice.pid];
  for (let i = 0; i < all.length; i++) {
    try {
      const children = readFileSync(`/proc/${all[i]}/task/${all[i]}/children`, "utf8").trim();
      if (children !== "") all.push(...children.split(" ").map(Number));
    } catch {
      // It has just ended.
    }
  }
  return all;
}

function treeRssMb(): number {
  let pages = 0;
  for (const pid of processes()) {
    try {
      pages += Number(readFileSync(`/proc/${pid}/statm`, "utf8").split(" ")[1]);
    } catch {
      // It has just ended.
    }
  }
  return (pages * 4096) / 2 ** 20;
}
