import type { GatewayError } from "../../model/gateway-error.ts";

/** The request's fault, met inside a hook (a body too large, not JSON): the exchange fails with it, and the plugin has not failed. */
export class RequestProblem extends Error {
  readonly failure: GatewayError;

  constructor(failure: GatewayError) {
    super(failure.publicDetail ?? failure.detail);
    this.failure = failure;
  }
}
