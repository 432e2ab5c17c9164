import { type ErrorKind, type ErrorSide, type Failure, FAILURES, type RetryVerdict } from "./failures.ts";

export type { ErrorKind, RetryVerdict } from "./failures.ts";

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

  constructor(
    kind: ErrorKind,
    detail = "",
    options: { retry?: RetryVerdict; cause?: unknown; publicDetail?: string; status?: number } = {},
  ) {
    const failure = FAILURES[kind];
    this.kind = kind;
    this.side = failure.side;
    this.retry = options.retry ?? failure.retry;
    this.detail = detail;
    this.publicDetail = options.publicDetail;
    this.cause = options.cause;
    this.status = options.status ?? failure.status;
  }
}

export function failureOf(kind: ErrorKind): Failure {
  return FAILURES[kind];
}

export const ERROR_KINDS = Object.keys(FAILURES) as readonly ErrorKind[];
