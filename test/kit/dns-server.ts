import { createServer, type Server, type Socket } from "node:net";

const TYPES = { A: 1, CNAME: 5, AAAA: 28, SRV: 33 } as const;
type RecordType = keyof typeof TYPES;

interface Record_ {
  readonly name: string;
  readonly type: RecordType;
  readonly ttl: number;
  readonly data: Buffer;
}

/** What a server does instead of answering: a response code, silence, or bytes of the test's own. */
export type Misbehaviour = { rcode: number } | "silent" | "truncate-all" | ((query: Buffer, good: Buffer) => Buffer[]);

const SERVFAIL = 2;
const NXDOMAIN = 3;
/** RFC 1035 §4.2.1. */
const MAX_DATAGRAM = 512;

/**
 * A real DNS server on loopback, by UDP and by TCP for what does not fit. It shares no code with the product: names are written out,
 * records come in the order they were set.
 */
export class DnsServer {
  static readonly SERVFAIL = SERVFAIL;
  /** `api.test A`, once for each question that came. */
  readonly asked: string[] = [];
  readonly askedByTcp: string[] = [];
  misbehaviour: Misbehaviour | null = null;
  readonly #records: Record_[] = [];
  readonly #udp: Bun.udp.Socket<"buffer">;
  readonly #tcp: Server;

  private constructor(udp: Bun.udp.Socket<"buffer">, tcp: Server) {
    this.#udp = udp;
    this.#tcp = tcp;
  }

  static async start(): Promise<DnsServer> {
    // UDP takes any port; TCP wants the same one, which somebody else may have.
    for (;;) {
      let server: DnsServer | undefined;
      const udp = await Bun.udpSocket({
        hostname: "127.0.0.1",
        port: 0,
        socket: {
          data: (_, query, port, host) => server?.answerDatagram(query, port, host),
          // Somebody has gone without waiting for the answer.
          error: () => undefined,
        },
      });
      const tcp = createServer((socket) => server?.answerConnection(socket));
      const isOurs = await new Promise<boolean>((resolve) => {
        tcp.once("error", () => resolve(false));
        tcp.listen({ port: udp.port, host: "127.0.0.1" }, () => resolve(true));
      });
      if (isOurs) return (server = new DnsServer(udp, tcp));
      udp.close();
    }
  }

  get address(): string {
    return `127.0.0.1:${this.#udp.port}`;
  }

  /** Replaces the addresses of a name; those with a colon are IPv6. */
  setAddresses(name: string, addresses: readonly string[], ttl = 60): void {
    this.clear(name, "A");
    this.clear(name, "AAAA");
    for (const address of addresses) {
      const isSix = address.includes(":");
      this.#records.push({ name, type: isSix ? "AAAA" : "A", ttl, data: isSix ? sixteen(address) : four(address) });
    }
  }

  setAlias(name: string, target: string, ttl = 60): void {
    this.clear(name, "CNAME");
    this.#records.push({ name, type: "CNAME", ttl, data: wireName(target) });
  }

  /** Each as `priority weight port target`. */
  setServices(name: string, services: readonly string[], ttl = 60): void {
    this.clear(name, "SRV");
    for (const service of services) {
      const [priority, weight, port, target = ""] = service.split(" ");
      const head = Buffer.alloc(6);
      [priority, weight, port].forEach((value, i) => head.writeUInt16BE(Number(value), 2 * i));
      this.#records.push({
        name,
        type: "SRV",
        ttl,
        data: Buffer.concat([head, wireName(target === "." ? "" : target)]),
      });
    }
  }

  clear(name: string, type: RecordType): void {
    for (let i = this.#records.length - 1; i >= 0; i--) {
      const record = this.#records[i]!;
      if (record.name === name && record.type === type) this.#records.splice(i, 1);
    }
  }

  answerDatagram(query: Buffer, port: number, host: string): void {
    const { label, good } = this.#read(query);
    this.asked.push(label);
    const { misbehaviour } = this;
    if (misbehaviour === "silent") return;
    if (typeof misbehaviour === "function") {
      for (const bytes of misbehaviour(query, good)) this.#send(bytes, port, host);
      return;
    }
    const isTooLong = good.length > MAX_DATAGRAM || misbehaviour === "truncate-all";
    this.#send(isTooLong ? truncated(good) : good, port, host);
  }

  answerConnection(socket: Socket): void {
    let received = Buffer.alloc(0);
    socket.on("error", () => socket.destroy());
    socket.on("data", (bytes: Buffer) => {
      received = Buffer.concat([received, bytes]);
      if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return;
      const { label, good } = this.#read(received.subarray(2));
      this.askedByTcp.push(label);
      const length = Buffer.alloc(2);
      length.writeUInt16BE(good.length);
      const reply = Buffer.concat([length, good]);
      // In pieces, as a network does it.
      socket.write(reply.subarray(0, 1));
      setImmediate(() => socket.write(reply.subarray(1)));
    });
  }

  async stop(): Promise<void> {
    this.#udp.close();
    await new Promise<void>((resolve) => this.#tcp.close(() => resolve()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** A client that has gone makes the next send fail, whoever that is for: it is the second one that counts. */
  #send(bytes: Buffer, port: number, host: string): void {
    try {
      this.#udp.send(bytes, port, host);
    } catch {
      this.#udp.send(bytes, port, host);
    }
  }

  #read(query: Buffer): { label: string; good: Buffer } {
    const labels: string[] = [];
    let at = 12;
    for (let size = query[at]!; size > 0; size = query[at]!) {
      labels.push(query.toString("latin1", at + 1, at + 1 + size));
      at += size + 1;
    }
    const name = labels.join(".");
    const type = (Object.keys(TYPES) as RecordType[]).find((one) => TYPES[one] === query.readUInt16BE(at + 1)) ?? "A";
    const answers = this.#answersTo(name, type);
    const isKnown = answers.length > 0 || this.#records.some((record) => record.name === name);
    const forced = typeof this.misbehaviour === "object" && this.misbehaviour !== null ? this.misbehaviour.rcode : null;
    const head = Buffer.alloc(12);
    query.copy(head, 0, 0, 2);
    head.writeUInt16BE(0x8180 | (forced ?? (isKnown ? 0 : NXDOMAIN)), 2);
    head.writeUInt16BE(1, 4);
    const given = forced === null ? answers : [];
    head.writeUInt16BE(given.length, 6);
    return {
      label: `${name} ${type}`,
      good: Buffer.concat([head, query.subarray(12, at + 5), ...given.map(wireRecord)]),
    };
  }

  /** With the aliases that lead to them, as a resolver answers. */
  #answersTo(name: string, type: RecordType): Record_[] {
    const own = this.#records.filter((record) => record.name === name && record.type === type);
    const alias = this.#records.find((record) => record.name === name && record.type === "CNAME");
    if (own.length > 0 || alias === undefined) return own;
    return [alias, ...this.#answersTo(nameOf(alias.data), type)];
  }
}

function truncated(good: Buffer): Buffer {
  const cut = Buffer.from(good.subarray(0, Math.min(good.length, 40)));
  cut.writeUInt16BE(cut.readUInt16BE(2) | 0x0200, 2);
  return cut;
}

function wireRecord({ name, type, ttl, data }: Record_): Buffer {
  const fixed = Buffer.alloc(10);
  fixed.writeUInt16BE(TYPES[type], 0);
  fixed.writeUInt16BE(1, 2);
  fixed.writeUInt32BE(ttl, 4);
  fixed.writeUInt16BE(data.length, 8);
  return Buffer.concat([wireName(name), fixed, data]);
}

function wireName(name: string): Buffer {
  const labels = name === "" ? [] : name.split(".");
  return Buffer.concat([
    ...labels.flatMap((one) => [Buffer.from([one.length]), Buffer.from(one, "latin1")]),
    Buffer.alloc(1),
  ]);
}

function nameOf(wire: Buffer): string {
  const labels: string[] = [];
  for (let at = 0; wire[at]! > 0; at += wire[at]! + 1) labels.push(wire.toString("latin1", at + 1, at + 1 + wire[at]!));
  return labels.join(".");
}

function four(address: string): Buffer {
  return Buffer.from(address.split(".").map(Number));
}

/** `fd00::1` in its simple forms. */
function sixteen(address: string): Buffer {
  const [front = "", back = ""] = address.split("::");
  const groups = (text: string) => text.split(":").filter((group) => group !== "");
  const middle = Array.from({ length: 8 - groups(front).length - groups(back).length }, () => "0");
  const bytes = Buffer.alloc(16);
  [...groups(front), ...middle, ...groups(back)].forEach((group, i) =>
    bytes.writeUInt16BE(Number.parseInt(group, 16), 2 * i),
  );
  return bytes;
}
