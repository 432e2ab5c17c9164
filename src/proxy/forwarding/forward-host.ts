import type { Exchange } from "../../model/exchange.ts";
import type { GatewayError } from "../../model/gateway-error.ts";
import type { Duplex, Reply } from "../../model/reply.ts";
import type { AttemptHooks, Halt } from "../pipeline/attempt-hooks.ts";
import type { Snapshot } from "../snapshot.ts";
import type { Try } from "./try.ts";
import type { Endpoint } from "../upstream/endpoint.ts";

/** What a forward needs of the gateway that started it. */
export interface ForwardHost {
  readonly snapshot: Snapshot;
  /** null: none. */
  readonly hooks: AttemptHooks | null;
  /** Ends the exchange with a reply: hooks, reply headers, then the listener. */
  answer(exchange: Exchange, reply: Reply): void;
  fail(exchange: Exchange, error: GatewayError): void;
  tunnel(exchange: Exchange, reply: Reply, upstream: Duplex): void;
  /** A hook ended the exchange. */
  halt(exchange: Exchange, halt: Halt): void;
  crashed(cause: unknown): void;
  /** A retry was called for, and the upstream's budget had none left. */
  budgetExhausted(upstream: string): void;
  /** An attempt begins that is not the first. */
  retried(endpoint: Endpoint): void;
  /** An attempt has a reply's head, or will have none. */
  attemptEnded(attempt: Try, ms: number): void;
  /** An attempt failed; the exchange may still succeed. */
  attemptFailed(endpoint: Endpoint, error: GatewayError): void;
}
