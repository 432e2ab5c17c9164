import { createServer } from "node:net";
import type { ListenerSpec } from "../../model/snapshot-spec.ts";
import type { BoundListener } from "../data-plane.ts";
import type { Listener, ListenerContext } from "./listener.ts";
import { openListener } from "./open-listener.ts";

/** An address that could not be had, in words for the operator. */
export class BindError extends Error {
  readonly listener: ListenerSpec;

  constructor(listener: ListenerSpec, cause: unknown) {
    super(bindMessage(listener, cause), { cause });
    this.listener = listener;
  }
}

/** How long clients of an address that was taken away may still begin a request on a connection they have. */
export const REMOVED_PATIENCE_MS = 2_000;

/**
 * The listeners of a data plane. A change opens new addresses first, all or none, and only then lets go of what is not wanted
 * any more; an address that stays is never rebound, and what drains keeps its exchanges and tunnels until they end.
 */
export class ListenerSet {
  readonly #context: ListenerContext;
  readonly #open = new Map<string, Listener>();
  readonly #draining = new Set<Promise<void>>();
  readonly #closing = new Set<Listener>();

  constructor(context: ListenerContext) {
    this.#context = context;
  }

  get bound(): BoundListener[] {
    return [...this.#open.values()].map(({ spec, port, connections }) => {
      return { name: spec.name, host: spec.host, port, tls: spec.tls.length > 0, connections };
    });
  }

  /** @throws BindError; whatever was opened is closed again. */
  prepare(specs: readonly ListenerSpec[]): { commit: () => void; abort: () => void } {
    const fresh = new Map<string, Listener>();
    const kept = new Map<string, ListenerSpec>();
    try {
      for (const spec of specs) {
        const key = keyOf(spec);
        if (this.#open.has(key)) kept.set(key, spec);
        else fresh.set(key, openOrExplain(spec, this.#context));
      }
    } catch (error) {
      for (const listener of fresh.values()) listener.stop();
      throw error;
    }
    return {
      commit: () => this.#commit(fresh, kept),
      abort: () => {
        for (const listener of fresh.values()) listener.stop();
      },
    };
  }

  async drain(patienceMs: number): Promise<void> {
    for (const key of [...this.#open.keys()]) this.#letGo(key, patienceMs);
    await Promise.all(this.#draining);
  }

  stop(): void {
    for (const listener of this.#open.values()) listener.stop();
    for (const listener of this.#closing) listener.stop();
    this.#open.clear();
  }

  #commit(fresh: ReadonlyMap<string, Listener>, kept: ReadonlyMap<string, ListenerSpec>): void {
    for (const [key, listener] of [...this.#open]) {
      const spec = kept.get(key);
      if (spec === undefined) this.#letGo(key, REMOVED_PATIENCE_MS);
      else if (spec !== listener.spec) listener.update(spec);
    }
    for (const [key, listener] of fresh) this.#open.set(key, listener);
  }

  #letGo(key: string, patienceMs: number): void {
    const listener = this.#open.get(key);
    if (listener === undefined) return;
    this.#open.delete(key);
    this.#closing.add(listener);
    const drained = listener.drain(patienceMs).finally(() => {
      this.#closing.delete(listener);
      this.#draining.delete(drained);
    });
    this.#draining.add(drained);
  }
}

/**
 * What makes a listener another one. `Bun.serve` cannot change its TLS, so there the identities belong to it: the successor
 * shares the port with the one that drains.
 */
function keyOf(spec: ListenerSpec): string {
  const { host, port, edge, http2, http3, proxyProtocol } = spec;
  const tls = edge === "serve" ? JSON.stringify(spec.tls) : spec.tls.length > 0;
  return JSON.stringify([host, port, edge, http2, http3, proxyProtocol, tls]);
}

function openOrExplain(spec: ListenerSpec, context: ListenerContext): Listener {
  try {
    return openListener(spec, context);
  } catch (cause) {
    throw new BindError(spec, cause);
  }
}

/**
 * Ports are shared (`SO_REUSEPORT`), and a second such bind succeeds silently; so before the first, each address is bound
 * exclusively once. @throws BindError when somebody else has one.
 */
export async function claimAddresses(specs: readonly ListenerSpec[]): Promise<void> {
  for (const spec of specs) {
    if (spec.port === 0) continue;
    await new Promise<void>((resolve, reject) => {
      const probe = createServer();
      probe.once("error", (cause) => reject(new BindError(spec, cause)));
      probe.listen({ host: spec.host, port: spec.port, exclusive: true }, () => probe.close(() => resolve()));
    });
  }
}

function bindMessage(spec: ListenerSpec, cause: unknown): string {
  const where = `listener ${spec.name}: cannot listen on ${spec.host}:${spec.port}`;
  const code = (cause as { code?: string } | null)?.code ?? "";
  switch (code) {
    case "EADDRINUSE":
      return `${where}: the port is in use by another process (see: ss -ltnp 'sport = :${spec.port}')`;
    case "EACCES":
      return `${where}: no permission (ports below 1024 need root, CAP_NET_BIND_SERVICE or net.ipv4.ip_unprivileged_port_start)`;
    case "EADDRNOTAVAIL":
      return `${where}: this machine has no such address`;
    default:
      return `${where}: ${cause instanceof Error ? cause.message : String(cause)}`;
  }
}
