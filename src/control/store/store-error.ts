/**
 * - `unavailable`: not now; the same call may work later
 * - `unwritable`: a person must act: the disk is full, or nothing may be written there
 * - `damaged`: what is kept cannot be read
 * - `unknown_schema`: another version of Sluice wrote it
 * - `too_large`, `invalid`: what was to be kept cannot be
 * - `closed`: after `close`
 */
export type StoreErrorCode =
  "unavailable" | "unwritable" | "damaged" | "unknown_schema" | "too_large" | "invalid" | "closed";

/** Why the store could not do it; the message is for people and names no password. */
export class StoreError extends Error {
  override readonly name = "StoreError";
  readonly code: StoreErrorCode;
  /** True: the connection was lost while the change was being committed, so it may have been made. */
  readonly inDoubt: boolean;

  constructor(code: StoreErrorCode, message: string, options: { cause?: unknown; inDoubt?: boolean } = {}) {
    super(options.inDoubt ? `${message}; the change may have been made: look before you repeat it` : message, options);
    this.code = code;
    this.inDoubt = options.inDoubt ?? false;
  }
}
