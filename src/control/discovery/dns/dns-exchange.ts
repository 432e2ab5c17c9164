import { decodeReply, type DnsReply, encodeQuery, type Question } from "./dns-message.ts";

export interface DnsServer {
  readonly host: string;
  readonly port: number;
}

/** Nobody could say: a server is away, or says that something is the matter. */
export class DnsFailure extends Error {}

export interface ExchangeOptions {
  readonly patienceMs: number;
  readonly signal: AbortSignal;
}

/**
 * Asks one server, by UDP and, when the reply does not fit a datagram, by TCP (RFC 7766). Each query has a socket of its own: its
 * port is as hard to guess as its id, and the socket takes datagrams from that server only.
 * @param options its `signal` has not been aborted yet
 * @throws DnsFailure
 */
export async function askServer(
  server: DnsServer,
  asked: Omit<Question, "id">,
  { patienceMs, signal }: ExchangeOptions,
): Promise<DnsReply> {
  const question = { ...asked, id: crypto.getRandomValues(new Uint16Array(1))[0]! };
  const limit = new AbortController();
  const giveUp = () => limit.abort();
  // By hand, for `signal` lives as long as the name is watched: nothing may stay on it.
  const timer = setTimeout(giveUp, patienceMs);
  signal.addEventListener("abort", giveUp, { once: true });
  try {
    const reply = await askByUdp(server, question, limit.signal);
    return reply.isTruncated ? await askByTcp(server, question, limit.signal) : reply;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", giveUp);
  }
}

async function askByUdp(server: DnsServer, question: Question, limit: AbortSignal): Promise<DnsReply> {
  const { promise, resolve, reject } = Promise.withResolvers<DnsReply>();
  promise.catch(() => undefined);
  const socket = await Bun.udpSocket({
    hostname: server.host.includes(":") ? "::" : "0.0.0.0",
    connect: { hostname: server.host, port: server.port },
    socket: {
      data: (_, datagram) => {
        // What does not fit the question is a stray or a forgery: the answer may still come.
        const reply = decodeReply(Buffer.from(datagram), question);
        if (reply !== null) resolve(reply);
      },
      error: (error: unknown) => reject(failure(server, error)),
    },
  }).catch((error: unknown) => {
    throw failure(server, error);
  });
  const stop = endAt(limit, server, reject);
  try {
    socket.send(encodeQuery(question));
    return await promise;
  } catch (error) {
    throw error instanceof DnsFailure ? error : failure(server, error);
  } finally {
    stop();
    socket.close();
  }
}

async function askByTcp(server: DnsServer, question: Question, limit: AbortSignal): Promise<DnsReply> {
  const { promise, resolve, reject } = Promise.withResolvers<DnsReply>();
  promise.catch(() => undefined);
  const stop = endAt(limit, server, reject);
  let received = Buffer.alloc(0);
  const connecting = Bun.connect({
    hostname: server.host,
    port: server.port,
    socket: {
      open: (socket) => {
        const query = encodeQuery(question);
        const length = Buffer.alloc(2);
        length.writeUInt16BE(query.length);
        // A few hundred bytes at most: a fresh connection's buffer takes them.
        socket.write(Buffer.concat([length, query]));
      },
      data: (_, bytes) => {
        received = Buffer.concat([received, bytes]);
        if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return;
        const reply = decodeReply(received.subarray(2, 2 + received.readUInt16BE(0)), question);
        if (reply === null || reply.isTruncated) reject(failure(server, "its reply is no answer"));
        else resolve(reply);
      },
      close: () => reject(failure(server, "it closed the connection")),
      error: (_, error) => reject(failure(server, error)),
      connectError: (_, error) => reject(failure(server, error)),
    },
  });
  // `connectError` has told why, and who gave up meanwhile wants no connection.
  connecting.then((socket) => promise.finally(() => socket.terminate()).catch(() => undefined)).catch(() => undefined);
  return promise.finally(stop);
}

function endAt(limit: AbortSignal, server: DnsServer, reject: (error: DnsFailure) => void): () => void {
  const end = () => reject(failure(server, "no answer in time"));
  if (limit.aborted) end();
  limit.addEventListener("abort", end, { once: true });
  return () => limit.removeEventListener("abort", end);
}

function failure({ host, port }: DnsServer, cause: unknown): DnsFailure {
  const name = port === 53 ? host : host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  const code = (cause as { code?: unknown } | null)?.code;
  const why = typeof cause === "string" ? cause : typeof code === "string" ? (WORDS[code] ?? code) : String(cause);
  return new DnsFailure(`${name}: ${why}`);
}

const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ENETUNREACH: "no way to it",
  EHOSTUNREACH: "no way to it",
};
