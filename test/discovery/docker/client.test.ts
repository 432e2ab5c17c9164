import { describe, expect, test } from "bun:test";
import { DockerClient } from "../../../src/control/discovery/docker/docker-client.ts";
import { errorOfConnection, type DockerError } from "../../../src/control/discovery/docker/docker-error.ts";
import { EngineHttp } from "../../../src/control/discovery/docker/engine-http.ts";
import { jsonLines } from "../../../src/control/discovery/docker/json-lines.ts";
import { Authority } from "../../kit/certificates.ts";
import { idOf } from "./containers.ts";
import { FakeEngine } from "./fake-engine.ts";

/** What a promise is refused with, as `KIND STATUS MESSAGE`. */
async function refusal(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => null,
    (error: DockerError) => error,
  );
  return error === null ? "nothing" : `${error.kind} ${error.status} ${error.message}`;
}

describe("a client of an engine", () => {
  test.each([
    ["1.41", "/v1.41/containers/json"],
    ["1.24", "/v1.24/containers/json"],
    ["1.52", "/v1.47/containers/json"],
    ["2.0", "/v1.47/containers/json"],
  ])("an engine of version %s is asked for %s", async (version, path) => {
    await using engine = new FakeEngine();
    const paths: string[] = [];
    engine.intercept = (_, request) => {
      paths.push(new URL(request.url).pathname);
      return paths.length === 1 ? new Response("OK", { headers: { "api-version": version } }) : null;
    };
    await new DockerClient(engine.endpoint).list();
    expect(paths).toEqual(["/_ping", path]);
  });

  test.each([
    [{ "api-version": "1.12" }, "speaks API 1.12; Sluice needs 1.24"],
    [{}, "does not speak as a Docker engine does"],
    [{ "api-version": "1.4x/../../" }, "does not speak as a Docker engine does"],
  ])("what answers %j is no engine for us", async (headers, reason) => {
    await using engine = new FakeEngine();
    engine.intercept = () => new Response("OK", { headers });
    expect(await refusal(new DockerClient(engine.endpoint).list())).toContain(reason);
  });

  test("a container that is not there is null, one that makes no sense is an error", async () => {
    await using engine = new FakeEngine();
    const client = new DockerClient(engine.endpoint);
    expect(await client.inspect(idOf("nobody"))).toBeNull();
    engine.intercept = (path) => (path.startsWith("/containers/") ? Response.json({ Id: "x" }) : null);
    expect(await refusal(client.inspect("odd"))).toBe(
      "failed 502 what the engine says of container odd makes no sense",
    );
  });

  test.each([
    [400, "invalid 400 no"],
    [403, "refused 502 GET /v1.41/containers/json is not allowed by what stands before the engine (403): no"],
    [404, "not-found 404 no"],
    [409, "conflict 409 no"],
    [500, "failed 502 GET /v1.41/containers/json: 500 no"],
  ])("status %d says what it means", async (status, expected) => {
    await using engine = new FakeEngine();
    const client = new DockerClient(engine.endpoint);
    engine.intercept = (path) => (path === "/containers/json" ? Response.json({ message: "no" }, { status }) : null);
    expect(await refusal(client.list())).toBe(expected);
    engine.intercept = (path) => (path === "/containers/json" ? new Response(" n\no \n", { status }) : null);
    expect(await refusal(client.list())).toContain("n o");
  });

  test("an answer that is no JSON is told of", async () => {
    await using engine = new FakeEngine();
    engine.intercept = (path) => (path === "/containers/json" ? new Response("<html>") : null);
    expect(await refusal(new DockerClient(engine.endpoint).list())).toContain("is this a Docker engine?");
  });

  test("an answer that does not come is given up, and so is one that nobody waits for", async () => {
    await using engine = new FakeEngine();
    engine.intercept = () => new Promise<Response>(() => {});
    const http = new EngineHttp(engine.endpoint, null);
    expect(await refusal(http.json({ path: "/x", timeoutMs: 20 }))).toBe("timeout 504 GET /x: no answer within 20 ms");
    const abort = new AbortController();
    const asked = refusal(http.json({ path: "/x", signal: abort.signal }));
    abort.abort();
    expect(await asked).toContain("nobody waits for it");
  });

  test("what an engine that cannot be reached needs is said", async () => {
    const missing = new DockerClient("unix:///nonexistent/docker.sock");
    expect(await refusal(missing.list())).toBe(
      "unreachable 503 Docker's engine at unix:///nonexistent/docker.sock cannot be reached: there is no such socket; is the engine running, and is its socket mounted?",
    );
    expect(await refusal(new DockerClient("tcp://127.0.0.1:1").list())).toContain("nobody listens there");
  });

  test("a socket that may not be opened needs a group, or a proxy", () => {
    const { message } = errorOfConnection({ code: "EACCES" }, "/var/run/docker.sock", "/var/run/docker.sock");
    expect(message).toContain("add it to the group `docker`, or use a socket proxy");
  });

  test("events are asked for from the time of the engine's clock, and end when nobody listens", async () => {
    await using engine = new FakeEngine();
    let asked = "";
    engine.intercept = (path, request) => {
      if (path === "/_ping") {
        return new Response("OK", { headers: { "api-version": "1.41", date: "Sat, 21 Nov 2026 16:41:14 GMT" } });
      }
      if (path === "/events") asked = new URL(request.url).searchParams.get("since")!;
      return null;
    };
    const client = new DockerClient(engine.endpoint);
    const abort = new AbortController();
    const events = await client.events(await client.ping(), abort.signal);
    expect(asked).toBe("1795279274");
    engine.run("shop");
    const seen: string[] = [];
    for await (const { action } of events) {
      seen.push(action);
      abort.abort();
    }
    expect(seen).toEqual(["start"]);
  });

  test("an engine behind TLS is verified both ways", async () => {
    using ours = new Authority();
    using others = new Authority("Somebody else");
    const server = ours.issue("engine", { names: ["IP:127.0.0.1"] });
    const { cert, key } = ours.issue("sluice");
    const { ca } = ours;
    await using engine = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      development: false,
      tls: { cert: server.cert, key: server.key, ca, requestCert: true, rejectUnauthorized: true },
      fetch: () => Response.json([], { headers: { "api-version": "1.41" } }),
    });
    const endpoint = `tcp://127.0.0.1:${engine.port}`;
    expect(await new DockerClient(endpoint, { ca, cert, key }).list()).toEqual([]);
    expect(await refusal(new DockerClient(endpoint, { ca: others.ca, cert, key }).list())).toStartWith(
      "unreachable 503",
    );
    expect(await refusal(new DockerClient(endpoint, { ca }).list())).toStartWith("unreachable 503");
  });
});

describe("a stream of JSON", () => {
  const read = async (...chunks: string[]) => {
    const found: unknown[] = [];
    for await (const value of jsonLines(streamOf(chunks))) found.push(value);
    return found;
  };

  test("is read wherever it is cut, empty lines left out", async () => {
    expect(await read('{"a":1}\n{"b"', ":2}", '\r\n\n{"c":"\xc3', '\xbc"}')).toEqual([{ a: 1 }, { b: 2 }, { c: "ü" }]);
    expect(await read()).toEqual([]);
  });

  test("that is none is an error, and so is one without end", async () => {
    expect(await refusal(read("{\n"))).toStartWith("failed 502 the engine sent what is not JSON");
    expect(await refusal(read("a".repeat(5 * 1024 * 1024)))).toContain("more than 4 MiB");
  });
});

function streamOf(chunks: readonly string[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start: (controller) => {
      for (const chunk of chunks) controller.enqueue(Buffer.from(chunk, "latin1"));
      controller.close();
    },
  });
}
