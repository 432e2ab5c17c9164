import { type Family, HistogramWords, labels, line } from "./exposition.ts";
import { type RequestKind, unpackKind } from "./request-kind.ts";
import { At, LATENCY_BUCKETS_MS, type SlotTotals } from "./slot-totals.ts";

/** A route or an endpoint, and what was counted of it. */
export interface Row {
  /** Rendered: `route="users"`. */
  readonly labels: string;
  readonly totals: SlotTotals;
}

const CLASSES = ["1xx", "2xx", "3xx", "4xx", "5xx", "other"] as const;
const BOUNDS_SECONDS = LATENCY_BUCKETS_MS.map((ms) => ms / 1000);

/** What clients asked for, by route. */
export function routeFamilies(rows: readonly Row[]): Family[] {
  return [
    counter(
      "http_requests_total",
      "Requests that have ended, by route, method and status of the reply.",
      rows,
      requestLines,
    ),
    seconds(
      "http_request_duration_seconds",
      "From a request's head to the end of its reply; tunnels are left out.",
      rows,
    ),
    numbers(
      "http_request_body_bytes_total",
      "Bytes of request bodies, without framing.",
      rows,
      ({ bytesIn }) => bytesIn,
    ),
    numbers(
      "http_response_body_bytes_total",
      "Bytes of reply bodies, without framing.",
      rows,
      ({ bytesOut }) => bytesOut,
    ),
    counter(
      "sluice_request_failures_total",
      "Requests that failed, by the code in the reply and in the log.",
      rows,
      failureLines,
    ),
    numbers("sluice_route_retries_total", "Attempts after the first.", rows, ({ retries }) => retries),
    counter(
      "sluice_rate_limit_requests_total",
      "Requests that a rate limit counted, by what it said.",
      rows,
      rateLines,
    ),
  ];
}

/** As FlexGate named it, for those who have dashboards of it. The same numbers in ms. */
export function flexgateFamilies(rows: readonly Row[]): Family[] {
  const name = "http_request_duration_ms";
  const help = "The same as http_request_duration_seconds, in milliseconds.";
  return [histogram({ name, help, bounds: LATENCY_BUCKETS_MS, scale: 1 }, rows)];
}

/** What became of attempts, by endpoint. */
export function endpointFamilies(rows: readonly Row[]): Family[] {
  const name = "sluice_upstream_response_seconds";
  return [
    counter("sluice_upstream_requests_total", "Attempts that brought a reply, by its status.", rows, replyLines),
    counter("sluice_upstream_failures_total", "Attempts that brought no reply, by code.", rows, failureLines),
    seconds(name, "From sending an attempt to the head of its reply.", rows),
    numbers(
      "sluice_upstream_retries_total",
      "Attempts that were not the first of their request.",
      rows,
      (row) => row.retries,
    ),
    numbers(
      "sluice_upstream_sent_bytes_total",
      "Bytes of request bodies, without framing.",
      rows,
      (row) => row.bytesIn,
    ),
    numbers(
      "sluice_upstream_received_bytes_total",
      "Bytes of reply bodies, without framing.",
      rows,
      (row) => row.bytesOut,
    ),
  ];
}

type Lines = (name: string, row: Row) => string;

function counter(name: string, help: string, rows: readonly Row[], lines: Lines): Family {
  return { name, help, type: "counter", blocks: () => each(rows, (row) => lines(name, row)) };
}

function numbers(name: string, help: string, rows: readonly Row[], of: (totals: SlotTotals) => number): Family {
  return counter(name, help, rows, (metric, { labels, totals }) => line(metric, labels, of(totals)));
}

function seconds(name: string, help: string, rows: readonly Row[]): Family {
  return histogram({ name, help, bounds: BOUNDS_SECONDS, scale: 1 / 1000 }, rows);
}

interface Measured {
  readonly name: string;
  readonly help: string;
  readonly bounds: readonly number[];
  readonly scale: number;
}

function histogram({ name, help, bounds, scale }: Measured, rows: readonly Row[]): Family {
  const words = new HistogramWords(name, bounds);
  return {
    name,
    help,
    type: "histogram",
    blocks: (format) =>
      each(rows, ({ labels, totals }) => {
        return words.lines(labels, { counts: totals.fixed, from: At.buckets, sum: totals.sumMs * scale }, format);
      }),
  };
}

function* each(rows: readonly Row[], lines: (row: Row) => string): Iterable<string> {
  for (const row of rows) yield lines(row);
}

function requestLines(name: string, row: Row): string {
  return kindLines(name, row, { of: requestLabel, ofClass: (status) => `method="OTHER",status="${status}"` });
}

function replyLines(name: string, row: Row): string {
  return kindLines(name, row, { of: replyLabel, ofClass: (status) => `status="${status}"` });
}

function failureLines(name: string, row: Row): string {
  return kindLines(name, row, { of: failureLabel, ofClass: null });
}

const requestLabel = remembering((kind) => `method="${kind.method}",status="${kind.status}"`);
const replyLabel = remembering(({ code, status }) => (code === "" ? `status="${status}"` : ""));
const failureLabel = remembering(({ code }) => (code === "" ? "" : labels({ code })));

/** Kinds are shared objects, so that their labels are made once and go with them. */
function remembering(label: (kind: RequestKind) => string): (kind: RequestKind) => string {
  const made = new WeakMap<RequestKind, string>();
  return (kind) => {
    let known = made.get(kind);
    if (known === undefined) made.set(kind, (known = label(kind)));
    return known;
  };
}

interface Sorting {
  /** "": it does not belong to the family. */
  readonly of: (kind: RequestKind) => string;
  /** Of kinds that were not told apart. */
  readonly ofClass: ((status: string) => string) | null;
}

/** One for all calls, which never overlap: a scrape makes thousands. */
const sums = new Map<string, number>();

function kindLines(name: string, { labels: its, totals }: Row, { of, ofClass }: Sorting): string {
  sums.clear();
  totals.keys.forEach((key, i) => {
    const label = of(unpackKind(key));
    if (label !== "") add(label, totals.counts[i]!);
  });
  if (ofClass !== null) {
    for (let i = 0; i < CLASSES.length; i++) {
      const count = totals.fixed[At.unsorted + i]!;
      if (count > 0) add(ofClass(CLASSES[i]!), count);
    }
  }
  let text = "";
  const start = `${name}{${its},`;
  // A kind has its cell before it is counted there.
  for (const [label, count] of sums) if (count > 0) text += start + label + "} " + count + "\n";
  return text;
}

function add(label: string, count: number): void {
  sums.set(label, (sums.get(label) ?? 0) + count);
}

function rateLines(name: string, { labels: its, totals }: Row): string {
  let refused = 0;
  totals.keys.forEach((key, i) => {
    if (unpackKind(key).code === "rate_limited") refused += totals.counts[i]!;
  });
  if (refused === 0 && totals.rateAllowed === 0) return "";
  return line(name, `${its},outcome="allowed"`, totals.rateAllowed) + line(name, `${its},outcome="refused"`, refused);
}
