import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Snapshot } from "../../src/proxy/snapshot.ts";
import { guardedFetch } from "../../src/proxy/pipeline/guarded-fetch.ts";
import { DialGuard } from "../../src/proxy/upstream/dial-guard.ts";
import { DialPolicy } from "../../src/proxy/upstream/dial-policy.ts";
import { Authority } from "../kit/certificates.ts";
import { RawOrigin } from "../kit/raw-origin.ts";
import { METADATA_URLS, OTHER_PLACES } from "./metadata-spellings.ts";

let origin: RawOrigin;

beforeAll(async () => {
  origin = await RawOrigin.start();
});

afterAll(() => origin.stop());

/** The real `fetch`, and what it was asked for. */
class Dialled {
  readonly urls: string[] = [];
  readonly fetch = Object.assign(
    (input: string | URL | Request, init?: RequestInit) => {
      const url = new URL(input instanceof Request ? input.url : String(input));
      this.urls.push(url.hostname);
      // Whatever the guard lets out must be on this machine.
      if (url.hostname !== "127.0.0.1") throw new Error(`dialled ${url.href}`);
      return fetch(input as Request, init);
    },
    { preconnect: () => void this.urls.push("preconnect") },
  ) as unknown as typeof fetch;
}

const none = () => null;

function redirectsTo(location: string, status = 302): void {
  origin.restart((request) =>
    request.target === "/away" ? request.reply({ status, fields: [["Location", location]] }) : request.reply(),
  );
}

describe("a plugin's fetch", () => {
  test.each([...METADATA_URLS, ...OTHER_PLACES])("does not go to %s", async (url) => {
    const dialled = new Dialled();
    await expect(guardedFetch(dialled.fetch, none)(url)).rejects.toThrow("plugins may not fetch from");
    await expect(guardedFetch(dialled.fetch, none)(new Request(url))).rejects.toThrow("plugins may not fetch from");
    expect(dialled.urls).toEqual([]);
  });

  const inField = [...METADATA_URLS, ...OTHER_PLACES].filter((url) => /^[\x20-\x7e]*$/.test(url));
  test.each(inField)("is not redirected to %s", async (url) => {
    redirectsTo(url);
    const dialled = new Dialled();
    const asked = guardedFetch(dialled.fetch, none)(`${origin.url}/away`);
    await expect(asked).rejects.toThrow("plugins may not fetch from");
    expect(dialled.urls).toEqual(["127.0.0.1"]);
  });

  test.each(["file:///etc/passwd", "data:text/plain,x", "ftp://127.0.0.1/"])("is not redirected to %s", async (url) => {
    redirectsTo(url);
    await expect(guardedFetch(new Dialled().fetch, none)(`${origin.url}/away`)).rejects.toThrow("cannot fetch");
  });

  test.each(["2852039166", "0xa9fea9fe", "0251.0376.0251.0376"])("does not take %s for a name", async (name) => {
    const guarded = guardedFetch(new Dialled().fetch, none);
    await expect(guarded(`http://${name}/`)).rejects.toThrow("plugins may not fetch from");
  });

  test("dials the address that was checked, whatever the name says next", async () => {
    origin.restart();
    const answers = [["127.0.0.1"], ["169.254.169.254"]];
    const resolve = async () => answers.shift()!;
    const dialled = new Dialled();
    const guarded = guardedFetch(dialled.fetch, none, { resolve });
    const reply = await guarded(`http://rebinding.test:${origin.port}/x`);
    expect(reply.status).toBe(200);
    expect(origin.only.header("host")).toBe(`rebinding.test:${origin.port}`);
    await expect(guarded(`http://rebinding.test:${origin.port}/x`)).rejects.toThrow(
      "may not fetch from rebinding.test",
    );
    expect(dialled.urls).toEqual(["127.0.0.1"]);
  });

  test("looks a name up once more for every redirect, and checks it", async () => {
    redirectsTo(`http://second.test:${origin.port}/here`);
    const places: Record<string, string[]> = { "first.test": ["127.0.0.1"], "second.test": ["169.254.169.254"] };
    const resolve = async (name: string) => places[name]!;
    const asked = guardedFetch(new Dialled().fetch, none, { resolve })(`http://first.test:${origin.port}/away`);
    await expect(asked).rejects.toThrow("may not fetch from second.test");
    expect(origin.requests.map((request) => request.target)).toEqual(["/away"]);
  });

  test("obeys blockedIPs of the version that serves, and of one that is being prepared", async () => {
    const dialled = new Dialled();
    const guard = new DialGuard(["127.0.0.0/8"], null, () => 0);
    const serving = guardedFetch(dialled.fetch, () => ({ guard }) as Snapshot);
    await expect(serving(origin.url)).rejects.toThrow("security.blockedIPs");
    const preparing = guardedFetch(dialled.fetch, none, { upcoming: () => new DialPolicy(["127.0.0.1"]) });
    for (const url of [origin.url, `http://localhost:${origin.port}/`])
      await expect(preparing(url)).rejects.toThrow("security.blockedIPs");
    expect(dialled.urls).toEqual([]);
  });

  test("keeps credentials from where a redirect leads", async () => {
    await using other = await RawOrigin.start();
    redirectsTo(`${other.url}/here`, 307);
    const headers = { Authorization: "Bearer t", Cookie: "a=b", Host: "own.test", "X-Kept": "1" };
    await guardedFetch(new Dialled().fetch, none)(`${origin.url}/away`, { headers });
    const { only } = other;
    expect([only.header("authorization"), only.header("cookie")]).toEqual([null, null]);
    expect([only.header("host"), only.header("x-kept")]).toEqual([`127.0.0.1:${other.port}`, "1"]);
  });

  test("verifies the name that was asked for, also where the connection is open and verified for another", async () => {
    using authority = new Authority();
    const { cert, key } = authority.issue("known.test");
    await using server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      tls: { cert, key },
      fetch: (request) => new Response(request.headers.get("host")),
    });
    const trusting = ((input: Request, init: BunFetchRequestInit) =>
      fetch(input, { ...init, tls: { ...init.tls, ca: authority.ca } })) as typeof fetch;
    const guarded = guardedFetch(trusting, none, { resolve: async () => ["127.0.0.1"] });
    const reply = await guarded(`https://known.test:${server.port}/`);
    expect(await reply.text()).toBe(`known.test:${server.port}`);
    await expect(guarded(`https://other.test:${server.port}/`)).rejects.toThrow("CERT");
  });

  test("connects nowhere ahead of time", () => {
    const dialled = new Dialled();
    guardedFetch(dialled.fetch, none).preconnect("http://169.254.169.254/");
    expect(dialled.urls).toEqual([]);
  });
});
