import type { Random } from "../../../model/ports.ts";

export interface BackOffSettings {
  /** Bound of the first wait; it doubles with each retry. */
  readonly baseMs: number;
  readonly maxMs: number;
  /** The longest `Retry-After` that is waited for. */
  readonly maxRetryAfterMs: number;
}

/**
 * Exponential back-off with full jitter (Brooker, "Exponential Backoff And Jitter", 2015): anything from nothing to the bound, so
 * that those who failed together do not come back together.
 *
 * @param retry 1 for the first one.
 * @returns ms to wait.
 */
export function backOffMs(retry: number, settings: BackOffSettings, random: Random): number {
  // Past 2^52 the bound has long been `maxMs`.
  const bound = Math.min(settings.maxMs, settings.baseMs * 2 ** Math.min(retry - 1, 52));
  return random() * bound;
}

/** As `backOffMs`, but never before the time the upstream asked for, as far as that is within reason. */
export function retryDelayMs(
  retry: number,
  retryAfterMs: number | null,
  settings: BackOffSettings,
  random: Random,
): number {
  const delay = backOffMs(retry, settings, random);
  return retryAfterMs === null ? delay : Math.max(delay, Math.min(retryAfterMs, settings.maxRetryAfterMs));
}

const MONTHS = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec";
const TIME = String.raw`(\d{2}):(\d{2}):(\d{2})`;
const IMF_FIXDATE = new RegExp(`^[A-Z][a-z]{2}, (\\d{2}) (${MONTHS}) (\\d{4}) ${TIME} GMT$`);
const RFC_850 = new RegExp(`^[A-Z][a-z]{5,8}, (\\d{2})-(${MONTHS})-(\\d{2}) ${TIME} GMT$`);
const ASCTIME = new RegExp(`^[A-Z][a-z]{2} (${MONTHS}) ([ \\d]\\d) ${TIME} (\\d{4})$`);

/**
 * The value of a `Retry-After` field (RFC 9110 §10.2.3): seconds, or a date in one of the three forms of §5.6.7.
 *
 * @param wallNow ms since the epoch.
 * @returns ms from now, 0 for a date that has passed, null for what is neither.
 */
export function parseRetryAfter(value: string, wallNow: number): number | null {
  const text = value.trim();
  if (/^\d{1,10}$/.test(text)) return Number(text) * 1000;
  const date = parseHttpDate(text, wallNow);
  return date === null ? null : Math.max(0, date - wallNow);
}

function parseHttpDate(text: string, wallNow: number): number | null {
  const fixed = IMF_FIXDATE.exec(text);
  if (fixed !== null) return dateOf(Number(fixed[3]), fixed[2]!, Number(fixed[1]), fixed.slice(4));
  const old = RFC_850.exec(text);
  if (old !== null) return dateOf(fullYear(Number(old[3]), wallNow), old[2]!, Number(old[1]), old.slice(4));
  const c = ASCTIME.exec(text);
  return c === null ? null : dateOf(Number(c[6]), c[1]!, Number(c[2]), c.slice(3, 6));
}

/** Two digits that seem more than 50 years ahead are of the century before (RFC 9110 §5.6.7). */
function fullYear(short: number, wallNow: number): number {
  const thisYear = new Date(wallNow).getUTCFullYear();
  const year = Math.floor(thisYear / 100) * 100 + short;
  return year > thisYear + 50 ? year - 100 : year;
}

function dateOf(year: number, month: string, day: number, time: readonly string[]): number | null {
  const [hour, minute, second] = time.map(Number) as [number, number, number];
  // 60: a leap second.
  if (day < 1 || hour > 23 || minute > 59 || second > 60) return null;
  const date = new Date(0);
  date.setUTCFullYear(year, MONTHS.split("|").indexOf(month), day);
  if (date.getUTCDate() !== day) return null;
  return date.setUTCHours(hour, minute, second);
}
