import type { GatewayError } from "../../model/gateway-error.ts";
import type { Reply } from "../../model/reply.ts";
import type { OutgoingRequest } from "../../contract/context.ts";

/** How hooks end an exchange: with an answer, or with a failure. */
export type Halt = Reply | GatewayError;

/** The hooks that belong to an attempt; each says null to go on. */
export interface AttemptHooks {
  readonly hasUpstreamHooks: boolean;
  readonly hasSendHooks: boolean;
  /** Before a pick. */
  beforePick(attempt: number): Halt | null | Promise<Halt | null>;
  /** The head is final but for what these hooks change. */
  beforeSend(attempt: number, outgoing: OutgoingRequest): Halt | null | Promise<Halt | null>;
}
