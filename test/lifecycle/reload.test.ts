import { describe, expect, test } from "bun:test";
import { eventually, Gate } from "../kit/eventually.ts";
import { freePort } from "../kit/free-port.ts";
import { ask, RawClient } from "../kit/raw-client.ts";
import { RawOrigin } from "../kit/raw-origin.ts";
import { type Config, Sluice } from "../kit/sluice.ts";
import { echoMessages, openWebSocket } from "../kit/websocket-origin.ts";
import { startLoad } from "./load.ts";

const saying = (body: string): Config => ({ routes: [{ path: "/*", respond: { body } }] });
const says = (port: number, text: string) =>
  eventually(`the reply "${text}"`, async () => (await ask(port)).text === text);

describe("a reload", () => {
  test("follows a file that is saved in place", async () => {
    await using sluice = await Sluice.start(saying("one"));
    await says(sluice.port, "one");
    for (const word of ["two", "three", "four"]) {
      sluice.rewrite(saying(word));
      await says(sluice.port, word);
    }
  });

  test("follows a file that is replaced by rename, again and again", async () => {
    await using sluice = await Sluice.start(saying("one"));
    for (const word of ["two", "three", "four"]) {
      sluice.rewriteByRename(saying(word));
      await says(sluice.port, word);
    }
    sluice.rewrite(saying("in place after all"));
    await says(sluice.port, "in place after all");
  });

  test("happens on SIGHUP, and changes nothing when nothing changed", async () => {
    await using sluice = await Sluice.start({ ...saying("same"), logging: { level: "debug" } });
    sluice.signal("SIGHUP");
    await sluice.process.says("configuration unchanged");
    await says(sluice.port, "same");
  });

  test("fails no request under load", async () => {
    await using origin = await RawOrigin.start((request) => request.reply({ body: "ok" }));
    const config = (round: number): Config => ({
      upstreams: [{ name: `origin-${round % 3}`, url: origin.url }],
      routes: [
        { path: "/*", upstream: `origin-${round % 3}` },
        { path: "/round", respond: { body: String(round) } },
      ],
    });
    await using sluice = await Sluice.start(config(0));
    const load = startLoad(sluice.port);
    for (let round = 1; round <= 12; round++) {
      const before = load.answered;
      if (round % 2 === 0) sluice.rewrite(config(round));
      else sluice.rewriteByRename(config(round));
      await eventually(
        `round ${round}`,
        async () => (await ask(sluice.port, { target: "/round" })).text === String(round),
      );
      await eventually("load after the reload", () => load.answered > before + 100);
    }
    expect(await load.stop()).toEqual([]);
  }, 60_000);

  test("drops none of 500 open requests and 50 open WebSockets", async () => {
    const gate = new Gate();
    await using origin = await RawOrigin.start(async (request) => {
      if (request.target === "/ws") return echoMessages(request);
      request.head(200, [["Content-Length", "8"]]);
      request.write("half");
      await gate.opened;
      request.write("done");
    });
    await using sluice = await Sluice.start({
      upstreams: [{ name: "old", url: origin.url }],
      routes: [
        { path: "/*", upstream: "old" },
        { path: "/which", respond: { body: "old" } },
      ],
    });
    const { port } = sluice;
    const clients = await Promise.all(Array.from({ length: 500 }, () => RawClient.connect(port)));
    for (const client of clients) client.request({ target: "/open" });
    const heads = await Promise.all(clients.map((client) => client.readHead()));
    const sockets = await Promise.all(Array.from({ length: 50 }, () => openWebSocket(port)));

    // Everything they go through vanishes from the configuration: upstream, route, even what their path answers now.
    sluice.rewrite(saying("new"));
    await eventually("the new configuration", async () => (await ask(port, { target: "/which" })).text === "new");
    gate.open();

    const bodies = await Promise.all(heads.map((head) => head.body.all()));
    expect(new Set(bodies.map(String))).toEqual(new Set(["halfdone"]));
    for (const { socket } of sockets) socket.text("still here");
    expect(new Set(await Promise.all(sockets.map(({ socket }) => socket.nextText())))).toEqual(new Set(["still here"]));
    for (const { client } of sockets) client.close();
    for (const client of clients) client.close();
  }, 60_000);

  test("of a broken file keeps what works, says where it is broken, and the mended file takes effect", async () => {
    await using sluice = await Sluice.start(saying("works"));
    sluice.rewrite(`${"#\n".repeat(2)}routes:\n  - path: /*\n    respnd: { body: broken }\n`);
    await sluice.process.says(`${sluice.file}:5:5`);
    await sluice.process.says(/did you mean.*respond/i);
    await says(sluice.port, "works");
    sluice.rewrite("routes: [unclosed\n");
    await sluice.process.says(/sluice\.yaml:[12]:\d+/);
    await says(sluice.port, "works");
    sluice.rewrite(saying("mended"));
    await says(sluice.port, "mended");
  });

  test("survives the file's absence for a moment", async () => {
    await using sluice = await Sluice.start(saying("before"));
    const { rmSync } = await import("node:fs");
    rmSync(sluice.file);
    await says(sluice.port, "before");
    sluice.rewrite(saying("after"));
    await says(sluice.port, "after");
  });
});

describe("a reload of listeners", () => {
  const listener = (name: string, port: number) => ({ name, host: "127.0.0.1", port });

  test("opens a new one and closes an old one, while the one that stays never refuses", async () => {
    const second = await freePort();
    const third = await freePort();
    await using sluice = await Sluice.start((port) => ({
      listeners: [listener("web", port), listener("b", second)],
      ...saying("x"),
    }));
    await says(second, "x");
    const load = startLoad(sluice.port, 4);
    sluice.rewrite({ listeners: [listener("web", sluice.port), listener("c", third)], ...saying("x") });
    await eventually("the new listener", () =>
      ask(third).then(
        (reply) => reply.text === "x",
        () => false,
      ),
    );
    await eventually("the end of the old listener", () => refuses(second));
    await eventually("load after the change", () => load.answered > 100);
    expect(await load.stop()).toEqual([]);
  });

  test("lets a request on a closed one finish", async () => {
    const gate = new Gate();
    const second = await freePort();
    await using origin = await RawOrigin.start(async (request) => {
      await gate.opened;
      request.reply({ body: "finished" });
    });
    const rest: Config = { upstreams: [{ name: "o", url: origin.url }], routes: [{ path: "/*", upstream: "o" }] };
    await using sluice = await Sluice.start((port) => ({
      listeners: [listener("web", port), listener("b", second)],
      ...rest,
    }));
    await using client = await RawClient.connect(second);
    client.request({});
    await origin.request();
    sluice.rewrite({ listeners: [listener("web", sluice.port)], ...rest });
    await eventually("the end of the old listener", () => refuses(second));
    gate.open();
    expect((await client.read()).text).toBe("finished");
  });

  test("to a port in use changes nothing and says so", async () => {
    await using other = await RawOrigin.start();
    await using sluice = await Sluice.start(saying("old"));
    sluice.rewrite({ listeners: [listener("web", sluice.port), listener("taken", other.port)], ...saying("new") });
    await sluice.process.says(new RegExp(`${other.port}.*in use|in use.*${other.port}`));
    await says(sluice.port, "old");
  });
});

async function refuses(port: number): Promise<boolean> {
  return RawClient.connect(port).then(
    (client) => (client.close(), false),
    () => true,
  );
}
