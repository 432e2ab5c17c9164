import type { OutgoingRequest } from "../../contract/context.ts";
import type { HeaderMap } from "../../model/header-map.ts";
import { isSafeValue, isToken } from "../../model/header-map.ts";
import type { Try } from "./try.ts";

/** An attempt's head for hooks to change; what they set is checked as it is set. */
export function outgoingOf(attempt: Try): OutgoingRequest {
  return new OutgoingHead(attempt);
}

class OutgoingHead implements OutgoingRequest {
  readonly #attempt: Try;

  constructor(attempt: Try) {
    this.#attempt = attempt;
  }

  get method(): string {
    return this.#attempt.method;
  }

  set method(method: string) {
    if (!isToken(method)) throw new TypeError(`${JSON.stringify(method)} is not a method`);
    this.#attempt.method = method;
  }

  get target(): string {
    return this.#attempt.target;
  }

  set target(target: string) {
    if (!target.startsWith("/") || !isSafeValue(target) || /[\t #]/.test(target))
      throw new TypeError(`${JSON.stringify(target)} is not a request target`);
    this.#attempt.target = target;
  }

  get host(): string {
    return this.#attempt.authority;
  }

  set host(host: string) {
    if (!isSafeValue(host) || /[\t ]/.test(host)) throw new TypeError(`${JSON.stringify(host)} is not a host`);
    this.#attempt.authority = host;
    this.#attempt.headers.replace("Host", host);
  }

  get headers(): HeaderMap {
    return this.#attempt.headers;
  }
}
