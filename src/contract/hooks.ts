import type {
  ErrorContext,
  LogContext,
  RequestContext,
  ResponseContext,
  RouteContext,
  SendContext,
  UpstreamContext,
} from "./context.ts";

/** In the order of a request's life. */
export const PHASES = ["route", "request", "upstream", "send", "response", "error", "log"] as const;
export type Phase = (typeof PHASES)[number];

/** Stream transforms, named like the phases in logs and timings. */
export const TRANSFORMS = ["requestBody", "responseBody"] as const;
export type TransformName = (typeof TRANSFORMS)[number];

// `void` so that a hook without a return statement is one.
export type Outcome = Response | void | undefined;
export type HookResult = Outcome | Promise<Outcome>;

export interface ChunkTransform {
  /** Owns `bytes`. */
  chunk(bytes: Uint8Array, push: (bytes: Uint8Array) => void): void | Promise<void>;
  end?(push: (bytes: Uint8Array) => void): void | Promise<void>;
  /** The body was cut short: neither `chunk` nor `end` is called any more. */
  abort?(): void;
}

export type Transform = TransformStream<Uint8Array, Uint8Array> | ChunkTransform;

/** What a plugin's `setup` returns. */
export interface Hooks<S = object> {
  route?(ctx: RouteContext<S>): HookResult;
  request?(ctx: RequestContext<S>): HookResult;
  upstream?(ctx: UpstreamContext<S>): HookResult;
  send?(ctx: SendContext<S>): HookResult;
  response?(ctx: ResponseContext<S>): HookResult;
  error?(ctx: ErrorContext<S>): HookResult;
  log?(ctx: LogContext<S>): void | Promise<void>;
  /** undefined: pass through. */
  requestBody?(ctx: RequestContext<S>): Transform | undefined;
  /** After all response hooks; the head is still open. */
  responseBody?(ctx: ResponseContext<S>): Transform | undefined;
}
