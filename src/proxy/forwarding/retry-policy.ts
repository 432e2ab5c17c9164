import type { GatewayError } from "../../model/gateway-error.ts";
import type { RetrySpec } from "../../model/snapshot-spec.ts";
import type { Body } from "../../model/body.ts";

/** RFC 9110 §9.2.2. */
const IDEMPOTENT: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"]);

/** What an attempt's failure is judged by. */
export interface FailedAttempt {
  readonly error: GatewayError;
  readonly method: string;
  readonly body: Body | null;
  /** Attempts so far, the failed one included. */
  readonly attempts: number;
}

/** Only what provably was not processed, or may be processed twice; and only while the body can still be sent whole. */
export function mayRetry(failed: FailedAttempt, policy: RetrySpec): boolean {
  if (failed.attempts > policy.max) return false;
  if (failed.body !== null && failed.body.used) return false;
  if (failed.error.retry === "safe") return true;
  return failed.error.retry === "if-idempotent" && policy.on === "idempotent" && IDEMPOTENT.has(failed.method);
}
