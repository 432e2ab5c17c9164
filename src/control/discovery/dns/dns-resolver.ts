import { getServers } from "node:dns";
import { isIP } from "node:net";
import { askServer, DnsFailure, type DnsServer } from "./dns-exchange.ts";
import type { DnsReply, QueryType, Question } from "./dns-message.ts";
import { addressesIn, type Alias, type Found, servicesIn, type SrvRecord } from "./dns-records.ts";

/** Answers with nothing where there is nothing. @throws DnsFailure (rejects) when nobody can say */
export interface DnsResolver {
  addresses(name: string, signal: AbortSignal): Promise<Found<string>>;
  services(name: string, signal: AbortSignal): Promise<Found<SrvRecord>>;
}

/** `auto`: IPv4 where there is any, for the two families of a name are mostly the same servers. */
export type AddressFamily = "auto" | "ipv4" | "ipv6" | "both";

export interface DnsClientOptions {
  /** `10.0.0.2`, `10.0.0.2:5353`, `[::1]:53`. Default: the machine's. */
  readonly servers?: readonly string[];
  readonly family?: AddressFamily;
  /** For one server to answer one question. Default 2000. */
  readonly patienceMs?: number;
}

/** How often each server is asked before nobody can say. */
const ROUNDS = 2;
const MAX_ALIASES = 8;
const NXDOMAIN = 3;

/** Asks the servers itself: the runtime's resolver has answers of its own cache, and no TTL for SRV records. */
export class DnsClient implements DnsResolver {
  readonly #servers: () => readonly DnsServer[];
  readonly #family: AddressFamily;
  readonly #patienceMs: number;

  constructor({ servers, family = "auto", patienceMs = 2_000 }: DnsClientOptions = {}) {
    const given = servers?.map(parseServer);
    this.#servers = () => given ?? machineServers();
    this.#family = family;
    this.#patienceMs = patienceMs;
  }

  async addresses(name: string, signal: AbortSignal): Promise<Found<string>> {
    const family = this.#family;
    const ask = (type: QueryType) => this.#find({ name, type }, addressesIn, signal);
    if (family === "ipv4") return ask("A");
    if (family === "ipv6") return ask("AAAA");
    const [four] = await Promise.allSettled([ask("A")]);
    if (family === "auto" && hasSome(four)) return four.value;
    const [six] = await Promise.allSettled([ask("AAAA")]);
    // A server that chokes on one of the two does not hide what the other has.
    const some = [four, six].filter(hasSome).map(({ value }) => value);
    if (some.length === 0) return [valueOf(four), valueOf(six)][0]!;
    return { records: some.flatMap(({ records }) => records), ttlMs: Math.min(...some.map(({ ttlMs }) => ttlMs)) };
  }

  services(name: string, signal: AbortSignal): Promise<Found<SrvRecord>> {
    return this.#find({ name, type: "SRV" }, servicesIn, signal);
  }

  async #find<T>(
    asked: Omit<Question, "id">,
    read: (reply: DnsReply, question: Question) => Found<T> | Alias,
    signal: AbortSignal,
  ): Promise<Found<T>> {
    let { name } = asked;
    let ttlMs = Number.POSITIVE_INFINITY;
    for (let i = 0; i < MAX_ALIASES; i++) {
      const question = { id: 0, name, type: asked.type };
      const said = read(await this.#ask(question, signal), question);
      ttlMs = Math.min(ttlMs, said.ttlMs);
      if (!("alias" in said)) return { ...said, ttlMs };
      name = said.alias;
    }
    throw new DnsFailure(`${asked.name} has more than ${MAX_ALIASES} aliases`);
  }

  async #ask(question: Question, signal: AbortSignal): Promise<DnsReply> {
    let last = new DnsFailure("there is no DNS server");
    for (let round = 0; round < ROUNDS; round++) {
      for (const server of this.#servers()) {
        if (signal.aborted) throw new DnsFailure("nobody waits for it any more");
        try {
          const reply = await askServer(server, question, { patienceMs: this.#patienceMs, signal });
          if (reply.rcode === 0 || reply.rcode === NXDOMAIN) return reply;
          last = new DnsFailure(`${server.host}: ${RCODES[reply.rcode] ?? `error ${reply.rcode}`}`);
        } catch (error) {
          if (!(error instanceof DnsFailure)) throw error;
          last = error;
        }
      }
    }
    throw last;
  }
}

const RCODES: Readonly<Record<number, string>> = {
  1: "it does not understand the question",
  2: "it failed (SERVFAIL)",
  4: "it does not know how",
  5: "it refused",
};

function hasSome<T>(result: PromiseSettledResult<Found<T>>): result is PromiseFulfilledResult<Found<T>> {
  return result.status === "fulfilled" && result.value.records.length > 0;
}

function valueOf<T>(result: PromiseSettledResult<T>): T {
  if (result.status === "rejected") throw result.reason;
  return result.value;
}

function machineServers(): DnsServer[] {
  return getServers().flatMap((text) => {
    const server = readServer(text);
    return server === null ? [] : [server];
  });
}

/** @throws TypeError */
export function parseServer(text: string): DnsServer {
  const server = readServer(text);
  if (server !== null) return server;
  const got = JSON.stringify(text);
  throw new TypeError(`expected the address of a DNS server such as 10.0.0.2 or 10.0.0.2:5353, got ${got}`);
}

function readServer(text: string): DnsServer | null {
  if (isIP(text) !== 0) return { host: text, port: 53 };
  const [, bracketed, plain, port = "53"] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const server = { host: bracketed ?? plain ?? "", port: Number(port) };
  return isIP(server.host) !== 0 && server.port >= 1 && server.port <= 65_535 ? server : null;
}
