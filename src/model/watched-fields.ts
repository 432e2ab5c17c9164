/**
 * Fields that nearly every request lacks and that somebody must ask for on the way of every request. The parser notes which it
 * saw, so that the question costs a bit test. One bit each.
 */
export const Watched = {
  via: 1,
  requestId: 2,
  /** X-Forwarded-*, X-Real-IP, Forwarded: what is said about the client. */
  forwarded: 4,
} as const;
