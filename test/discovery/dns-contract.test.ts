import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DnsClient } from "../../src/control/discovery/dns/dns-resolver.ts";
import { DnsServer } from "../kit/dns-server.ts";
import { eventually } from "../kit/eventually.ts";
import { freePort } from "../kit/free-port.ts";

interface Started extends AsyncDisposable {
  readonly address: string;
}

const MANY = Array.from({ length: 60 }, (_, i) => `10.0.1.${i + 1}`);
const { signal } = new AbortController();

/** What every server says, ours of the tests as well as a real one: else those tests prove nothing. */
function contractOf(start: () => Promise<Started>): void {
  const ask = async <T>(question: (dns: DnsClient) => Promise<T>, family: "auto" | "both" = "auto"): Promise<T> => {
    await using server = await start();
    return await question(new DnsClient({ servers: [server.address], family }));
  };

  test("addresses with their TTL", async () => {
    const found = await ask((dns) => dns.addresses("api.test", signal), "both");
    expect(found).toEqual({ records: ["10.0.0.1", "fd00::1"], ttlMs: 17_000 });
  });

  test("what an alias leads to", async () => {
    expect((await ask((dns) => dns.addresses("www.test", signal))).records).toEqual(["10.0.0.1"]);
  });

  test("services with their TTL", async () => {
    const { records, ttlMs } = await ask((dns) => dns.services("_http._tcp.api.test", signal));
    expect(records.toSorted((a, b) => a.priority - b.priority)).toEqual([
      { priority: 10, weight: 5, port: 8080, target: "api.test" },
      { priority: 20, weight: 0, port: 8081, target: "many.test" },
    ]);
    expect(ttlMs).toBe(17_000);
  });

  test("more than fits a datagram", async () => {
    const { records } = await ask((dns) => dns.addresses("many.test", signal));
    expect(records.toSorted()).toEqual(MANY.toSorted());
  });

  test("that there is no such name, or nothing of that kind", async () => {
    expect((await ask((dns) => dns.addresses("nobody.test", signal))).records).toEqual([]);
    expect((await ask((dns) => dns.services("api.test", signal))).records).toEqual([]);
  });
}

describe("the DNS server of the tests tells", () => {
  contractOf(async () => {
    const server = await DnsServer.start();
    server.setAddresses("api.test", ["10.0.0.1", "fd00::1"], 17);
    server.setAddresses("many.test", MANY, 17);
    server.setAlias("www.test", "api.test", 17);
    server.setServices("_http._tcp.api.test", ["10 5 8080 api.test", "20 0 8081 many.test"], 17);
    return server;
  });
});

const DNSMASQ = Bun.which("dnsmasq");

async function startDnsmasq(): Promise<Started> {
  const folder = mkdtempSync(join(tmpdir(), "sluice-dnsmasq-"));
  const hosts = join(folder, "hosts");
  writeFileSync(hosts, MANY.map((address) => `${address} many.test\n`).join(""));
  const port = await freePort();
  const words = [
    "--keep-in-foreground",
    `--port=${port}`,
    "--listen-address=127.0.0.1",
    "--bind-interfaces",
    "--no-resolv",
  ];
  const zone = [
    "--local=/test/",
    "--local-ttl=17",
    `--addn-hosts=${hosts}`,
    "--host-record=api.test,10.0.0.1,fd00::1",
    "--cname=www.test,api.test",
    "--srv-host=_http._tcp.api.test,api.test,8080,10,5",
    "--srv-host=_http._tcp.api.test,many.test,8081,20,0",
  ];
  const files = ["--no-hosts", "--conf-file=/dev/null", `--pid-file=${join(folder, "pid")}`, "--log-facility=-"];
  const whoWeAre = process.getuid?.() === 0 ? ["--user=root"] : [];
  const child = Bun.spawn([DNSMASQ!, ...words, ...zone, ...files, ...whoWeAre], { stdout: "ignore", stderr: "ignore" });
  const address = `127.0.0.1:${port}`;
  const client = new DnsClient({ servers: [address], patienceMs: 100, family: "ipv4" });
  await eventually("dnsmasq answers", () => client.addresses("api.test", signal).catch(() => null));
  return {
    address,
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL");
      await child.exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const skip = DNSMASQ === null ? " (skipped: dnsmasq is not installed: apt-get install dnsmasq-base)" : "";

describe.skipIf(DNSMASQ === null)(`dnsmasq tells${skip}`, () => contractOf(startDnsmasq));
