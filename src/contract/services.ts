/** Structured logging: a sentence, and fields for machines. */
export interface Log {
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void;
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
}

export interface CookieAttributes {
  readonly path?: string;
  readonly domain?: string;
  /** Seconds. */
  readonly maxAge?: number;
  readonly expires?: Date | number | string;
  readonly secure?: boolean;
  readonly httpOnly?: boolean;
  readonly sameSite?: "strict" | "lax" | "none";
}

/** The request's cookies; what is set or deleted goes to the client with the reply. */
export interface Cookies {
  get(name: string): string | null;
  has(name: string): boolean;
  set(name: string, value: string, attributes?: CookieAttributes): void;
  delete(name: string, attributes?: Pick<CookieAttributes, "path" | "domain">): void;
  [Symbol.iterator](): Iterator<[string, string]>;
}

/**
 * A plugin's own store: Redis where it is configured, else the memory of this machine. Values are JSON. It survives generations.
 */
export interface Kv {
  get<T = unknown>(key: string): Promise<T | null>;
  set(key: string, value: unknown, options?: { ttlMs?: number }): Promise<void>;
  /** @returns true when there was something. */
  delete(key: string): Promise<boolean>;
  /** Atomic; `ttlMs` counts from the first. @returns the new number */
  incr(key: string, options?: { by?: number; ttlMs?: number }): Promise<number>;
}

export interface CacheOptions {
  readonly ttlMs: number;
  /** After `ttlMs`, for so long: the old value at once while a new one is loaded, and also when loading fails. */
  readonly staleMs?: number;
  /** How long null or undefined is kept; default: not at all. */
  readonly negativeMs?: number;
}

/** Memory of this worker; one load at a time for a key. The least recently used goes first. */
export interface Cache {
  get<T>(key: string, load: () => T | Promise<T>, options: CacheOptions): Promise<T>;
  delete(key: string): void;
}

export type Labels = Readonly<Record<string, string>>;

export interface Counter {
  inc(by?: number, labels?: Labels): void;
}

export interface Histogram {
  observe(value: number, labels?: Labels): void;
}

/** Names are prefixed with the plugin's. At most 100 series a metric: what comes after counts as `overflow="true"`. */
export interface Metrics {
  counter(name: string, help?: string): Counter;
  /** `buckets`: upper bounds, ascending. */
  histogram(name: string, options?: { help?: string; buckets?: readonly number[] }): Histogram;
}

/** What a plugin gets once a generation, worker and configuration. */
export interface Setup<C> {
  readonly config: C;
  readonly log: Log;
  /** Aborted when the generation is closed. */
  readonly signal: AbortSignal;
  readonly kv: Kv;
  readonly cache: Cache;
  /** `upstream://name/path` uses an upstream's pool. Link-local and metadata addresses are refused. */
  readonly fetch: typeof fetch;
  readonly metrics: Metrics;
  /** Ends with the generation; what it throws is logged. Runs do not overlap. */
  every(ms: number, run: (signal: AbortSignal) => void | Promise<void>): void;
}
