import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { ask } from "../kit/raw-client.ts";
import { parseStrictly } from "../metrics/strict-parser.ts";
import { Observed } from "./observed.ts";

setDefaultTimeout(30_000);

describe("the page", () => {
  test("is OpenMetrics for whoever asks for that, and has FlexGate's names where FlexGate had them", async () => {
    await using observed = await Observed.start({
      workers: 2,
      routes: [{ name: "a", path: "/", respond: { body: "hi" } }],
    });
    await ask(observed.port);
    const prometheus = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.4,*/*;q=0.1";
    for (const path of ["/metrics", "/prometheus/metrics"]) {
      const open = await observed.get(path, { Accept: prometheus });
      expect(open.headers.get("content-type")).toBe("application/openmetrics-text; version=1.0.0; charset=utf-8");
      const names = (text: string, format: "text" | "openmetrics") =>
        parseStrictly(text, format).map(({ name }) => name);
      const isLegacy = path !== "/metrics";
      expect(names(await open.text(), "openmetrics").includes("http_request_duration_ms")).toBe(isLegacy);
      const plain = await observed.get(path, { Accept: "*/*" });
      expect(plain.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
      expect(names(await plain.text(), "text").includes("http_request_duration_ms")).toBe(isLegacy);
      const head = await fetch(observed.admin + path, { method: "HEAD" });
      expect([head.status, await head.text()]).toEqual([200, ""]);
    }
  });

  test("needs the token where there is one; either token will do", async () => {
    await using observed = await Observed.start({
      admin: { port: 0, token: "s3cret-admin", readOnlyToken: "s3cret-reader" },
      routes: [{ path: "/", respond: { body: "hi" } }],
    });
    for (const path of [
      "/metrics",
      "/prometheus/metrics",
      "/api/metrics",
      "/api/stream/alerts",
      "/api/stream/metrics",
    ]) {
      const asked = async (headers: Record<string, string>) => {
        const response = await observed.get(path, headers);
        await response.body?.cancel();
        return response.status;
      };
      expect([path, await asked({})]).toEqual([path, 401]);
      expect([path, await asked({ Authorization: "Bearer wrong" })]).toEqual([path, 401]);
      for (const token of ["s3cret-admin", "s3cret-reader"])
        expect([path, await asked({ Authorization: `Bearer ${token}` })]).toEqual([path, 200]);
    }
  });
});
