/** What the runtime reads before the process starts, and what a proxy wants of it. The operator's own settings win. */
const SETTINGS: Readonly<Record<string, string>> = {
  // `fetch` runs at most 256 requests at once in a process unless told otherwise.
  BUN_CONFIG_MAX_HTTP_REQUESTS: "65535",
  // Compile hot code sooner: until it is compiled a request costs twice as much. Sooner still costs memory (10 MB at 0.2).
  BUN_JSC_jitPolicyScale: "0.5",
  // The collector lets its heap grow by what the machine has; buffers that pass through would be garbage by the hundred megabytes.
  BUN_JSC_forceRAMSize: String(2 * 1024 ** 3),
  // How far it grows before the next collection. 1.6 costs nothing that could be measured and saves 8 MB; at 1.5 collections show.
  BUN_JSC_smallHeapGrowthFactor: "1.6",
};

/** Where a setting is missing, the process replaces itself with one where it is there. Returns only if there is nothing to do. */
export function tuneRuntime(): void {
  const missing = Object.keys(SETTINGS).filter((name) => process.env[name] === undefined);
  if (missing.length === 0 || typeof process.execve !== "function") return;
  const script = process.argv[1] ?? "";
  // In the one-file executable the script is inside the executable and is not an argument.
  const own = script.startsWith("/$bunfs/") ? [] : [...process.execArgv, script];
  process.execve(process.execPath, [process.execPath, ...own, ...process.argv.slice(2)], {
    ...SETTINGS,
    ...process.env,
  });
}
