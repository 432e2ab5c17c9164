import type { Plugin } from "../contract/define-plugin.ts";
import { readPluginConfig } from "../contract/plugin-config.ts";
import type { Kv } from "../contract/services.ts";
import type { Identity } from "../model/exchange.ts";
import type { ProxyEvent } from "../model/ports.ts";
import type { PluginUseSpec } from "../model/snapshot-spec.ts";
import { kvOf } from "../plugin-services/kv-store.ts";
import { MemoryKv } from "../plugin-services/memory-kv.ts";
import { Gateway } from "../proxy/gateway.ts";
import { guardedFetch } from "../proxy/pipeline/guarded-fetch.ts";
import type { PluginHost } from "../proxy/pipeline/plugin-host.ts";
import { PluginPlane } from "../proxy/plugin-plane.ts";
import { Ticker } from "../proxy/ticker.ts";
import { namedUpstreams } from "./named-upstreams.ts";
import { TestClock } from "./test-clock.ts";
import { type TestRequest, testExchange } from "./test-exchange.ts";
import { PLUGIN_MODULE, STATE_MODULE, testHost, type TestLog } from "./test-host.ts";
import { metricsOf } from "./test-metrics.ts";
import { TestResponder } from "./test-responder.ts";
import { testSnapshot } from "./test-snapshot.ts";
import { type TestRoute, testSpec } from "./test-spec.ts";
import { TestTransport, type UpstreamAnswer, type UpstreamRequest } from "./test-transport.ts";

export type { TestLog, TestRequest };

type AnyPlugin = { readonly name: string; readonly config: Plugin["config"] };

export interface TestOptions {
  /** As in the configuration's `with`. */
  readonly config?: unknown;
  /** Answers what is forwarded; default: 200 with no body. */
  readonly upstream?: UpstreamAnswer;
  /** What the plugin gets as `fetch`, but for `upstream://` addresses, which go to `upstream`. Default: refuses. */
  readonly fetch?: (url: string, init?: RequestInit) => Response | Promise<Response>;
  /** As if somebody had authenticated every request. */
  readonly identity?: Identity;
  /** What plugins in front of it would have provided. */
  readonly state?: Readonly<Record<string, unknown>>;
  readonly route?: TestRoute;
  readonly timeoutMs?: number;
  readonly onError?: "fail" | "continue";
}

/** A plugin in front of an upstream, without a port. */
export interface PluginTest {
  request(target: string, request?: TestRequest): Promise<Response>;
  readonly upstream: { readonly requests: readonly UpstreamRequest[] };
  readonly clock: { now(): number; advance(ms: number): Promise<void> };
  readonly kv: Kv;
  readonly logs: readonly TestLog[];
  /** `name{label="v"}` → value. */
  readonly metrics: Readonly<Record<string, number>>;
  /** What Sluice itself says of the plugin: failures, suspensions. */
  readonly events: readonly ProxyEvent[];
  /** Resolves when nothing is pending that the plugin handed to `waitUntil`. */
  idle(): Promise<void>;
  /** Closes this generation: its signal aborts. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Runs requests through the real pipeline with `plugin` in it, a clock that stands still, and an upstream that is a function.
 * Rejects when the configuration does not fit, or when `setup` fails, with what an operator would read.
 */
export async function testPlugin(plugin: AnyPlugin, options: TestOptions = {}): Promise<PluginTest> {
  const bench = new Bench(plugin as Plugin, options);
  await bench.start();
  return bench;
}

class Bench implements PluginTest {
  readonly clock = new TestClock();
  readonly kv: Kv;
  readonly logs: TestLog[] = [];
  readonly events: ProxyEvent[] = [];
  readonly upstream: TestTransport;
  readonly #plugin: Plugin;
  readonly #options: TestOptions;
  readonly #ticker: Ticker;
  readonly #host: PluginHost;
  readonly #plane: PluginPlane;
  readonly #event = (event: ProxyEvent) => void this.events.push(event);
  #gateway: Gateway | null = null;

  constructor(plugin: Plugin, options: TestOptions) {
    const { clock, logs } = this;
    this.#plugin = plugin;
    this.#options = options;
    this.#ticker = new Ticker(clock, 0);
    clock.onAdvance = () => this.#ticker.tick();
    this.kv = kvOf(new MemoryKv({ now: () => clock.now() }), plugin.name);
    this.upstream = new TestTransport(options.upstream ?? (() => new Response(null)), this.#ticker);
    this.#host = testHost({ plugin, state: options.state ?? {}, clock, kv: this.kv, logs });
    this.#plane = new PluginPlane({ host: this.#host, clock, event: this.#event, fetch: this.#fetch() });
  }

  async start(): Promise<void> {
    const { config, route = {}, state } = this.#options;
    const { name, limits, onError } = this.#plugin;
    const reading = readPluginConfig(this.#plugin.config, config ?? {});
    if (!reading.ok)
      throw new Error(reading.problems.map(({ path, message, hint }) => line(path, message, hint)).join("\n"));
    const common = { name, file: name, retrySetup: false };
    const instance = { ...common, key: name, module: PLUGIN_MODULE, config: reading.value };
    const use: PluginUseSpec = {
      key: name,
      timeoutMs: this.#options.timeoutMs ?? limits.timeoutMs,
      onError: this.#options.onError ?? onError,
    };
    const upstreams = new Set(namedUpstreams(this.#plugin.config, reading.value));
    const spec = testSpec(use, instance, route, [...upstreams]);
    if (state !== undefined) {
      spec.plugins.instances.unshift({
        ...common,
        name: "test-state",
        key: STATE_MODULE,
        module: STATE_MODULE,
        config: {},
      });
      spec.routes[0]!.plugins.unshift({ ...use, key: STATE_MODULE });
    }
    const plugins = await this.#plane.setUp(spec);
    const snapshot = testSnapshot(spec, {
      plugins,
      transport: this.upstream,
      clock: this.clock,
      ticker: this.#ticker,
      host: this.#host,
      event: this.#event,
    });
    this.#gateway = new Gateway(snapshot, {
      clock: this.clock,
      telemetry: {
        exchangeEnded: () => undefined,
        attemptEnded: () => undefined,
        retried: () => undefined,
        event: this.#event,
      },
    });
  }

  request(target: string, request: TestRequest = {}): Promise<Response> {
    const gateway = this.#gateway!;
    const parts = { origins: gateway, ticker: this.#ticker, startedAt: this.clock.now() };
    const exchange = testExchange(target, request, parts);
    exchange.identity = request.identity ?? this.#options.identity ?? null;
    const responder = new TestResponder((error) => gateway.ended(exchange, error));
    gateway.handle(exchange, responder);
    return responder.response;
  }

  get metrics(): Record<string, number> {
    return metricsOf(this.#plane.metrics, this.#plugin.name);
  }

  idle(): Promise<void> {
    return this.#plane.idle();
  }

  async close(): Promise<void> {
    await this.idle();
    this.#gateway?.snapshot.retire();
    this.#plane.stop();
    await this.idle();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #fetch(): typeof fetch {
    const upstreams = guardedFetch(fetch, () => this.#gateway?.snapshot ?? null);
    const own = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
      const url = input instanceof Request ? input.url : String(input);
      if (url.startsWith("upstream://")) return upstreams(input as string, init);
      if (this.#options.fetch === undefined)
        throw new TypeError(`the test gave no fetch, and the plugin asks for ${url}`);
      return this.#options.fetch(url, init);
    };
    return Object.assign(own, { preconnect: () => undefined }) as unknown as typeof fetch;
  }
}

function line(path: ReadonlyArray<string | number>, message: string, hint: string | undefined): string {
  return `with.${path.join(".")}: ${message}${hint === undefined ? "" : ` (${hint})`}`;
}
