import { type ErrorKind, type ErrorSide, type Failure, FAILURES, type RetryVerdict } from "./failures.ts";

export type { ErrorKind, RetryVerdict } from "./failures.ts";

export interface GatewayErrorOptions {
  readonly retry?: RetryVerdict;
  readonly cause?: unknown;
  readonly publicDetail?: string;
  readonly status?: number;
  readonly retryAfterSeconds?: number;
}

/**
 * Why an exchange failed. Not an `Error`: a stack costs a microsecond, says nothing about a peer's fault, and must never leak.
 * `detail` is for the log and may name addresses; the reply shows only what `publicDetail` says.
 */
export class GatewayError {
  readonly kind: ErrorKind;
  readonly side: ErrorSide;
  readonly retry: RetryVerdict;
  readonly detail: string;
  readonly publicDetail: string | undefined;
  readonly cause: unknown;
  /** Where it is not the kind's own. */
  readonly status: number;
  /** When to try again, where that is known; undefined: what the kind says. */
  readonly retryAfterSeconds: number | undefined;

  constructor(kind: ErrorKind, detail = "", options: GatewayErrorOptions = {}) {
    const failure = FAILURES[kind];
    this.kind = kind;
    this.side = failure.side;
    this.retry = options.retry ?? failure.retry;
    this.detail = detail;
    this.publicDetail = options.publicDetail;
    this.cause = options.cause;
    this.status = options.status ?? failure.status;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

export function failureOf(kind: ErrorKind): Failure {
  return FAILURES[kind];
}

export const ERROR_KINDS = Object.keys(FAILURES) as readonly ErrorKind[];
