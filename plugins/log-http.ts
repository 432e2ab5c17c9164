import {
  definePlugin,
  type HeaderMap,
  type LogContext,
  type OriginalRequest,
  type Setup,
  type Static,
  t,
} from "sluice";

/** Never written, whatever the configuration asks for. */
const SECRET_HEADERS = ["authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key"];
const SECRET_QUERY = ["access_token", "token", "api_key", "apikey", "key", "password", "secret", "signature", "code"];
const MASK = "***";
/** In turns of `flushEvery`. */
const LONGEST_PAUSE = 32;
const LONGEST_TEXT = 4096;

const FIELDS = {
  time: () => new Date().toISOString(),
  id: (ctx) => ctx.id,
  method: (_, original) => original.method,
  host: (_, original) => original.host,
  path: (_, original) => original.target.split("?", 1)[0]!,
  scheme: (ctx) => ctx.scheme,
  status: (ctx) => ctx.reply.status,
  source: (ctx) => ctx.reply.source,
  code: (ctx) => ctx.reply.code,
  ms: (ctx) => Math.round(ctx.elapsedMs * 1000) / 1000,
  clientIp: (ctx) => ctx.clientIp,
  route: (ctx) => ctx.route.name,
  labels: (ctx) => ctx.route.labels,
  upstream: (ctx) => ctx.upstream || undefined,
  attempts: (ctx) => ctx.attempts,
  identity: (ctx) => ctx.identity?.id,
  requestBytes: (ctx) => ctx.requestBytes,
  replyBytes: (ctx) => ctx.replyBytes,
  userAgent: (_, { headers }) => headers.get("user-agent") ?? undefined,
  referer: (_, { headers }) => headers.get("referer")?.split("?", 1)[0],
} satisfies Record<string, Read>;
type Read = (ctx: LogContext, original: OriginalRequest) => unknown;
type Field = keyof typeof FIELDS;
const FIELD_NAMES = Object.keys(FIELDS) as Field[];

const Config = t.Object({
  url: t.String({
    pattern: "^(https?|upstream)://",
    description: "Where records go: `https://…`, or `upstream://NAME/path` with an upstream's pool.",
  }),
  method: t.Union([t.Literal("POST"), t.Literal("PUT")], { default: "POST", description: "Method of the request." }),
  headers: t.Record(t.String(), t.Secret(), { default: {}, description: "Its headers, such as Authorization." }),
  format: t.Union([t.Literal("json"), t.Literal("ndjson")], {
    default: "json",
    description: "One array a batch, or a record a line.",
  }),
  fields: t.Array(t.Union(FIELD_NAMES.map((name) => t.Literal(name))), {
    default: FIELD_NAMES,
    description: "What a record holds.",
  }),
  query: t.Boolean({ default: false, description: "Adds `query`, with secret parameters masked." }),
  requestHeaders: t.Array(t.String(), { default: [], description: "Request headers to add." }),
  replyHeaders: t.Array(t.String(), { default: [], description: "Reply headers to add." }),
  mask: t.Array(t.String(), {
    default: [],
    description: "More headers and query parameters that are written as `***`.",
  }),
  batchSize: t.Integer({ minimum: 1, maximum: 10_000, default: 200, description: "Records in a request at most." }),
  flushEvery: t.Duration({ minimum: 50, default: 2000, description: "A record waits so long at most." }),
  queueSize: t.Integer({
    minimum: 1,
    maximum: 1_000_000,
    default: 10_000,
    description: "Records that wait at most, a worker.",
  }),
  retries: t.Integer({
    minimum: 0,
    maximum: 100,
    default: 5,
    description: "Tries after the first, then a batch is dropped.",
  }),
  timeout: t.Duration({ minimum: 1, default: 5000, description: "Of a request to the collector." }),
});
type Config = Static<typeof Config>;
type AccessRecord = Record<string, unknown>;

/** Sends access records to an HTTP collector, in batches; traffic never waits for it. */
export default definePlugin({
  name: "log-http",
  config: Config,
  onError: "continue",
  setup(setup) {
    const { config, signal, every } = setup;
    const recordOf = recorder(config);
    const shipper = new Shipper(setup);
    every(config.flushEvery, () => shipper.turn());
    // The rest goes out when the generation ends: once, because nobody waits for a second try.
    signal.addEventListener("abort", () => void shipper.flush(), { once: true });
    return {
      log(ctx) {
        shipper.add(recordOf(ctx));
      },
    };
  },
});

function recorder(config: Config): (ctx: LogContext) => AccessRecord {
  const hidden = new Set([...SECRET_HEADERS, ...config.mask.map((name) => name.toLowerCase())]);
  const hiddenQuery = new Set([...SECRET_QUERY, ...config.mask.map((name) => name.toLowerCase())]);
  return (ctx) => {
    const record: AccessRecord = {};
    const { original } = ctx;
    for (const name of config.fields) record[name] = short((FIELDS[name] as Read)(ctx, original));
    if (config.query) record["query"] = short(maskedQuery(original.target, hiddenQuery));
    if (config.requestHeaders.length > 0)
      record["requestHeaders"] = chosen(original.headers, config.requestHeaders, hidden);
    if (config.replyHeaders.length > 0) record["replyHeaders"] = chosen(ctx.reply.headers, config.replyHeaders, hidden);
    return record;
  };
}

function short(value: unknown): unknown {
  return typeof value === "string" && value.length > LONGEST_TEXT ? `${value.slice(0, LONGEST_TEXT)}…` : value;
}

function chosen(headers: HeaderMap, names: readonly string[], hidden: ReadonlySet<string>): AccessRecord {
  const found: AccessRecord = {};
  for (const name of names.map((name) => name.toLowerCase())) {
    const value = headers.get(name);
    if (value !== null) found[name] = hidden.has(name) ? MASK : short(value);
  }
  return found;
}

function maskedQuery(target: string, hidden: ReadonlySet<string>): string {
  const at = target.indexOf("?");
  if (at < 0) return "";
  const query = new URLSearchParams(target.slice(at + 1));
  for (const name of new Set(query.keys())) if (hidden.has(name.toLowerCase())) query.set(name, MASK);
  return query.toString();
}

/** A bounded queue, and one request at a time. Its clock is `every`: a pause after a failure is counted in turns. */
class Shipper {
  readonly #setup: Setup<Config>;
  readonly #records;
  readonly #dropped;
  #queue: AccessRecord[] = [];
  #sending = false;
  #failures = 0;
  #pause = 0;

  constructor(setup: Setup<Config>) {
    this.#setup = setup;
    this.#records = setup.metrics.counter("records_total", "Records that the collector took.");
    this.#dropped = setup.metrics.counter("dropped_total", "Records that were lost, by reason.");
  }

  add(record: AccessRecord): void {
    const { queueSize, batchSize } = this.#setup.config;
    // The newest is lost: what waits may be in a request already.
    if (this.#queue.length >= queueSize) return this.#dropped.inc(1, { reason: "queue" });
    this.#queue.push(record);
    if (this.#queue.length >= batchSize && this.#pause === 0 && !this.#sending) void this.flush();
  }

  async turn(): Promise<void> {
    if (this.#pause > 0) this.#pause--;
    if (this.#pause === 0) await this.flush();
  }

  /** Sends until nothing waits, or the collector fails. */
  async flush(): Promise<void> {
    if (this.#sending) return;
    this.#sending = true;
    try {
      while (this.#queue.length > 0 && (await this.#sendBatch()));
    } finally {
      this.#sending = false;
    }
  }

  /** @returns false to try again later */
  async #sendBatch(): Promise<boolean> {
    const { batchSize, retries } = this.#setup.config;
    const batch = this.#queue.slice(0, batchSize);
    const outcome = await this.#post(batch);
    if (outcome === "retry" && this.#failures < retries) {
      this.#failures++;
      this.#pause = Math.min(2 ** this.#failures, LONGEST_PAUSE);
      return false;
    }
    this.#queue = this.#queue.slice(batch.length);
    this.#failures = 0;
    if (outcome === "taken") this.#records.inc(batch.length);
    else {
      this.#dropped.inc(batch.length, { reason: outcome === "refused" ? "refused" : "retries" });
      this.#setup.log.warn("access records are lost: the collector does not take them", { records: batch.length });
    }
    return outcome !== "retry";
  }

  async #post(batch: readonly AccessRecord[]): Promise<"taken" | "refused" | "retry"> {
    const { url, method, format, timeout, headers } = this.#setup.config;
    const lines = format === "ndjson";
    const body = lines ? batch.map((record) => `${JSON.stringify(record)}\n`).join("") : JSON.stringify(batch);
    const type = lines ? "application/x-ndjson" : "application/json";
    try {
      const response = await this.#setup.fetch(url, {
        method,
        headers: { "Content-Type": type, ...headers },
        body,
        redirect: "manual",
        signal: AbortSignal.timeout(timeout),
      });
      await response.body?.cancel();
      if (response.ok) return "taken";
      const again = response.status >= 500 || response.status === 408 || response.status === 429;
      this.#setup.log.debug("the collector answered", { status: response.status });
      return again ? "retry" : "refused";
    } catch (error) {
      this.#setup.log.debug("the collector cannot be reached", { reason: (error as Error).name });
      return "retry";
    }
  }
}
