import { afterAll, beforeAll, expect, test } from "bun:test";
import { Authority } from "../kit/certificates.ts";
import { eventually, Gate } from "../kit/eventually.ts";
import { RawOrigin } from "../kit/raw-origin.ts";
import { Sluice } from "../kit/sluice.ts";
import { connectTls } from "../kit/tls-client.ts";

const authority = new Authority();
const certificate = authority.issue("a.test");
const BIG = Buffer.alloc(24 * 1024 * 1024, Buffer.from("0123456789abcdef-"));
const DIGEST = Bun.hash(BIG);

let origin: RawOrigin;
let sluice: Sluice;

beforeAll(async () => {
  origin = await RawOrigin.start();
  const tls = { cert: certificate.certFile, key: certificate.keyFile };
  sluice = await Sluice.start((port) => ({
    listeners: [{ name: "web", host: "127.0.0.1", port, edge: "wire", tls }],
    upstreams: [{ name: "origin", url: origin.url }],
    routes: [{ path: "/*", upstream: "origin" }],
  }));
});

afterAll(async () => {
  await sluice.stop();
  await origin.stop();
  authority[Symbol.dispose]();
});

test("a large reply reaches a client that reads slowly, and is not swallowed on the way", async () => {
  let handed = 0;
  origin.restart((request) => {
    request.head(200, [["Content-Length", String(BIG.length)]]);
    request.connection.socket.write(BIG, () => (handed = BIG.length));
  });
  const { client, socket } = await connectTls(sluice.port);
  await using _closed = client;
  client.stream.record = false;
  socket.pause();
  client.request({});
  await Bun.sleep(400);
  expect(handed).toBe(0);
  socket.resume();
  const reply = await client.read();
  expect(Bun.hash(reply.body)).toBe(DIGEST);
}, 20_000);

test("a large upload waits for an origin that reads slowly, and arrives whole", async () => {
  const gate = new Gate();
  let digest: unknown = null;
  origin.restart(async (request) => {
    request.connection.socket.pause();
    await gate.opened;
    request.connection.socket.resume();
    digest = Bun.hash(await request.body.all());
    request.reply();
  });
  const { client, socket } = await connectTls(sluice.port);
  await using _closed = client;
  let flushed = false;
  client.request({ method: "POST", body: Buffer.alloc(0), fields: [["Content-Length", String(BIG.length)]] });
  socket.write(BIG, () => (flushed = true));
  await Bun.sleep(400);
  expect(flushed).toBe(false);
  gate.open();
  expect((await client.read()).status).toBe(200);
  expect(digest).toBe(DIGEST);
}, 20_000);

test("a client that has said its last word still gets its reply, and then the end", async () => {
  const gate = new Gate();
  origin.restart(async (request) => {
    await gate.opened;
    request.reply({ body: "late" });
  });
  const { client } = await connectTls(sluice.port);
  client.request({});
  client.end();
  await Bun.sleep(50);
  gate.open();
  expect((await client.read()).text).toBe("late");
  expect(await client.ended).toBe("fin");
});

test("a client that resets its connection ends the request at the origin", async () => {
  origin.restart(async (request) => void (await request.aborted));
  const { client } = await connectTls(sluice.port);
  client.request({});
  const request = await origin.request();
  client.reset();
  await request.aborted;
});

test("a reply that breaks off at the origin does not look whole to the client", async () => {
  origin.restart((request) => {
    request.head(200, [["Content-Length", "100"]]);
    request.write("half");
    setTimeout(() => request.reset(), 30);
  });
  const { client } = await connectTls(sluice.port);
  client.request({});
  await expect(client.read()).rejects.toThrow(/ended/);
  await client.ended;
});

test("requests on one connection follow each other, pipelined ones too", async () => {
  origin.restart((request) => request.reply({ body: request.target }));
  const { client } = await connectTls(sluice.port);
  await using _closed = client;
  for (const target of ["/1", "/2", "/3"]) client.request({ target });
  for (const target of ["/1", "/2", "/3"]) expect((await client.read()).text).toBe(target);
});

test("an upgrade is a tunnel both ways until either side has finished", async () => {
  origin.restart((request) => {
    request.upgraded = true;
    request.head(
      101,
      [
        ["Connection", "Upgrade"],
        ["Upgrade", "echo"],
      ],
      "Switching Protocols",
    );
    request.connection.socket.on("data", (bytes) => request.write(bytes));
  });
  const { client } = await connectTls(sluice.port);
  client.request({
    fields: [
      ["Connection", "Upgrade"],
      ["Upgrade", "echo"],
    ],
  });
  expect((await client.readHead()).status).toBe(101);
  client.send("to and fro");
  expect((await client.stream.readExactly(10)).toString()).toBe("to and fro");
  origin.only.end();
  await eventually("the end of the tunnel", () => client.stream.ending !== null);
  expect(client.stream.ending).toBe("fin");
  client.close();
});

test("a reply that ends with its connection ends with close_notify, and does not wait for the client to close", async () => {
  origin.restart((request) => {
    request.head(200);
    request.write("until the end");
    request.close();
  });
  const open = () => Number(Bun.spawnSync(["bash", "-c", `ls -l /proc/${sluice.pid}/fd | grep -c socket:`]).stdout);
  const before = open();
  // openssl tells a missing close_notify; Bun's client does not.
  const words = ["s_client", "-connect", `127.0.0.1:${sluice.port}`, "-quiet", "-no_ign_eof"];
  const child = Bun.spawn(["openssl", ...words], { stdin: "pipe", stdout: "pipe", stderr: "pipe" });
  child.stdin.write("GET / HTTP/1.0\r\nHost: a.test\r\n\r\n");
  child.stdin.flush();
  const stderr = await new Response(child.stderr).text();
  expect(await new Response(child.stdout).text()).toContain("until the end");
  expect(stderr).not.toContain("unexpected eof");
  const { client } = await connectTls(sluice.port);
  client.request({ fields: [["Connection", "close"]] });
  await client.read();
  // The client keeps its side open.
  await eventually("the gateway's socket closed", () => open() <= before);
  client.close();
});
