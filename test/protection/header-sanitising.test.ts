import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { ask, RawClient } from "../kit/raw-client.ts";
import { type OriginRequest, RawOrigin } from "../kit/raw-origin.ts";
import { Sluice } from "../kit/sluice.ts";

/** What a stranger writes to be taken for somebody else; `6.6.6.6` is nobody here. */
const CLAIMS = [
  "X-Forwarded-For",
  "X-Forwarded-Proto",
  "X-Forwarded-Host",
  "X-Forwarded-Port",
  "X-Forwarded-Prefix",
  "X-Forwarded-Server",
  "X-Forwarded-Ssl",
  "X-Forwarded-User",
  "X-FORWARDED-By",
  "X-Real-IP",
  "Forwarded",
] as const;

/** The same to CGI, WSGI, Rack and PHP as fields that Sluice writes, strips or acts upon. */
const DISGUISES = [
  "X_Forwarded_For",
  "X-Forwarded_For",
  "x_forwarded-proto",
  "X_FORWARDED_HOST",
  "X_Forwarded_Prefix",
  "X_Real_IP",
  "X-Real_IP",
  "X_Request_Id",
  "X_Auth_Id",
  "X-Auth_Scopes",
  "Content_Length",
  "Transfer_Encoding",
] as const;

const HARMLESS = ["X_Custom", "my_field", "_", "X_Api_Key", "Content_Type_Options", "X-Forward_ed"] as const;

describe.each(["wire", "serve"])("on edge %s", (edge) => {
  let origin: RawOrigin;
  let sluice: Sluice;
  let trusting: Sluice;

  beforeAll(async () => {
    origin = await RawOrigin.start();
    const start = (trustedProxies: string[]) =>
      Sluice.start((port) => ({
        listeners: [{ name: "web", host: "127.0.0.1", port, edge }],
        trustedProxies,
        upstreams: [{ name: "origin", url: origin.url }],
        routes: [{ path: "/*", upstream: "origin" }],
      }));
    sluice = await start([]);
    trusting = await start(["127.0.0.1"]);
  });

  afterAll(async () => {
    await Promise.all([sluice.stop(), trusting.stop()]);
    await origin.stop();
  });

  async function forwarded(to: Sluice, names: readonly string[], value = "6.6.6.6"): Promise<OriginRequest> {
    origin.restart();
    expect((await ask(to.port, { fields: names.map((name) => [name, value] as const) })).status).toBe(200);
    return origin.only;
  }

  const lower = (request: OriginRequest) => request.fields.map(([name]) => name.toLowerCase());

  test("nothing that a stranger says about the client reaches the origin", async () => {
    const request = await forwarded(sluice, CLAIMS);
    expect(request.rawHead.toString("latin1")).not.toContain("6.6.6.6");
    expect(request.header("x-forwarded-for")).toBe("127.0.0.1");
    expect(request.header("x-forwarded-proto")).toBe("http");
    const ours = ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"];
    expect(
      lower(request)
        .filter((name) => name.startsWith("x-forwarded-"))
        .toSorted(),
    ).toEqual(ours.toSorted());
  });

  test.each(CLAIMS)("%s alone does not, either", async (name) => {
    expect((await forwarded(sluice, [name])).rawHead.toString("latin1")).not.toContain("6.6.6.6");
  });

  test("a trusted proxy is believed, and continued", async () => {
    const request = await forwarded(trusting, CLAIMS);
    expect(request.header("x-forwarded-for")).toBe("6.6.6.6, 127.0.0.1");
    for (const name of ["x-forwarded-prefix", "x-forwarded-port", "x-real-ip", "x-forwarded-user"])
      expect(request.header(name)).toBe("6.6.6.6");
  });

  // A trusted proxy writes its own fields properly; one with `_` is what it passed on.
  test.each(DISGUISES)("%s goes no further, whoever sent it", async (name) => {
    for (const to of [sluice, trusting]) {
      const request = await forwarded(to, [name], "66666");
      expect(request.rawHead.toString("latin1")).not.toContain("66666");
    }
  });

  test("any other name with an underscore goes on", async () => {
    const request = await forwarded(sluice, HARMLESS, "kept");
    expect(lower(request)).toEqual(expect.arrayContaining(HARMLESS.map((name) => name.toLowerCase())));
    for (const name of HARMLESS) expect(request.header(name)).toBe("kept");
  });

  test.each([
    ["NUL", "a\0b"],
    ["BEL", "a\x07b"],
    ["ESC", "a\x1b[2Jb"],
    ["DEL", "a\x7fb"],
    ["DEL alone", "\x7f"],
    ["bare CR", "a\rX-Injected: 1"],
    ["bare LF", "a\nX-Injected: 1"],
  ])("%s in a value never reaches the origin", async (_, value) => {
    origin.restart();
    await using client = await RawClient.connect(sluice.port);
    client.send(
      Buffer.from(`GET / HTTP/1.1\r\nHost: a.test\r\nX-Value: ${value}\r\nConnection: close\r\n\r\n`, "latin1"),
    );
    await client.ended;
    const withoutLineEnds = origin.received.replaceAll("\r\n", "");
    expect([...withoutLineEnds].filter((octet) => octet < " " || octet === "\x7f")).toEqual([]);
  });

  test("a request with one is 400 where anything can be answered", async () => {
    origin.restart();
    const reply = await ask(sluice.port, { fields: [["X-Value", "a\x7fb"]] });
    expect([reply.status, reply.json()["code"]]).toEqual([400, "bad_request"]);
    expect(origin.requests).toEqual([]);
  });
});
