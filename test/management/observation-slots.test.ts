import { expect, setDefaultTimeout, test } from "bun:test";
import { ask } from "../kit/raw-client.ts";
import { RawOrigin } from "../kit/raw-origin.ts";
import { Observed } from "./observed.ts";

setDefaultTimeout(60_000);

const WAVES = 5;
/** More than so many slots rest before they are used again. */
const SERVICES = 60;

async function call(observed: Observed, method: string, path: string, body: object): Promise<void> {
  const response = await fetch(`${observed.admin}/api/v1/services/${path}`, { method, body: JSON.stringify(body) });
  expect([response.status, method, await response.text()]).toEqual([
    method === "POST" ? 201 : 200,
    method,
    expect.anything(),
  ]);
}

async function totalRequests(observed: Observed): Promise<number> {
  const reply = (await (await observed.get("/api/metrics")).json()) as { summary: { totalRequests: number } };
  return reply.summary.totalRequests;
}

for (const workers of [1, 2]) {
  test(`workers: ${workers}: services come and go, and each is counted from zero; what stays is counted on, and sums never fall`, async () => {
    await using origin = await RawOrigin.start();
    await using observed = await Observed.start({ workers, discovery: { registry: {} } });
    const register = (name: string) =>
      call(observed, "POST", "register", { id: name, service: name, address: "127.0.0.1", port: origin.port });
    const request = async (name: string) =>
      expect((await ask(observed.port, { target: `/${name}/` })).status).toBe(200);
    await register("steady");
    let sent = 0;
    for (let wave = 0; wave < WAVES; wave++) {
      const names = Array.from({ length: SERVICES }, (_, i) => `s${wave}-${i}`);
      await Promise.all(names.map(register));
      await Promise.all([...names, "steady"].map(request));
      sent += SERVICES + 1;
      const rows = [...names.map((name) => [`${name}@registry`, 1]), ["steady@registry", wave + 1]];
      await observed.counted(SERVICES + wave + 1);
      const series = await observed.scrape();
      expect(series("http_requests_total", "route")).toEqual(Object.fromEntries(rows));
      expect(series("sluice_upstream_requests_total", "upstream")).toEqual(Object.fromEntries(rows));
      expect(await totalRequests(observed)).toBe(sent);
      await Promise.all(names.map((name) => call(observed, "DELETE", "deregister", { id: name })));
      expect(await totalRequests(observed)).toBe(sent);
    }
  });
}
