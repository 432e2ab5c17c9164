/** Prometheus' own checker, where the machine has it: Debian's `prometheus`, `apt-get install --no-install-recommends prometheus`. */
export const PROMTOOL = Bun.which("promtool");

/** For a test's name. */
export const WITHOUT_PROMTOOL = PROMTOOL === null ? " (skipped: no promtool; apt-get install prometheus)" : "";

export async function promtool(words: readonly string[], input = ""): Promise<{ code: number; output: string }> {
  const child = Bun.spawn([PROMTOOL!, ...words], { stdin: Buffer.from(input), stdout: "pipe", stderr: "pipe" });
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { code, output: out + err };
}
