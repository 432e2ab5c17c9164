/**
 * What a hook costs: 10⁶ walks over 20 hooks of the composed pipeline, divided; timing and all that guards a hook included.
 *
 *   bun bench/micro/pipeline.ts
 */
import { definePlugin, t } from "sluice";
import { Exchange } from "../../src/model/exchange.ts";
import { HeaderMap } from "../../src/model/header-map.ts";
import type { PluginInstanceSpec, PluginUseSpec } from "../../src/model/snapshot-spec.ts";
import { BytesBody } from "../../src/model/body.ts";
import { HookPage, HOOK_PAGE_BYTES } from "../../src/plugin-services/hook-page.ts";
import { HookRun } from "../../src/proxy/pipeline/hook-run.ts";
import { Instance } from "../../src/proxy/pipeline/instance.ts";
import { Pipeline } from "../../src/proxy/pipeline/pipeline.ts";
import type { PluginHost } from "../../src/proxy/pipeline/plugin-host.ts";
import { PluginMetrics } from "../../src/proxy/pipeline/plugin-metrics.ts";
import { SetupServices } from "../../src/proxy/pipeline/setup-services.ts";
import { Timings } from "../../src/proxy/pipeline/timings.ts";
import { TransformedBody } from "../../src/proxy/pipeline/transformed-body.ts";
import { Ticker } from "../../src/proxy/ticker.ts";

const HOOKS = 20;
const clock = { now: () => performance.now(), wall: () => Date.now() };
const silent = { debug() {}, info() {}, warn() {}, error() {} };

const sync = definePlugin({
  name: "sync",
  config: t.Object({}),
  setup: () => ({
    request(ctx) {
      if (ctx.method === "DELETE") return ctx.respond(405);
    },
  }),
});

const settled = definePlugin({
  name: "async",
  config: t.Object({}),
  setup: () => ({
    async request(ctx) {
      if (ctx.method === "DELETE") return ctx.respond(405);
    },
  }),
});

const waiting = definePlugin({
  name: "waiting",
  config: t.Object({}),
  setup: () => ({
    async request(ctx) {
      await Promise.resolve();
      if (ctx.method === "DELETE") return ctx.respond(405);
    },
  }),
});

async function pipelineOf(plugin: typeof sync) {
  const watch = new HookPage(new ArrayBuffer(HOOK_PAGE_BYTES));
  const host = { load: async () => plugin, kv: () => null, log: () => silent, watch } as unknown as PluginHost;
  const services = new SetupServices({ host, clock, metrics: new PluginMetrics(), fetch, redisUrl: null });
  const spec: PluginInstanceSpec = {
    key: "k",
    name: plugin.name,
    file: "bench",
    module: "m",
    config: {},
    retrySetup: false,
  };
  const instance = new Instance(spec, services);
  await instance.start();
  const use: PluginUseSpec = { key: "k", timeoutMs: 1000, onError: "fail" };
  const uses = Array.from({ length: HOOKS }, () => use);
  const pipeline = new Pipeline(uses, { instances: new Map([["k", instance]]), timings: new Timings(), watch });
  return { pipeline, host };
}

function exchange(): Exchange {
  const headers = new HeaderMap(["Host", "Accept"], ["localhost", "*/*"]);
  return new Exchange({
    received: { method: "GET", target: "/", authority: "localhost", version: "1.1", headers },
    scheme: "http",
    host: "localhost",
    peer: { address: "127.0.0.1", port: 1, trusted: false },
    listener: "bench",
    requestBody: null,
    upgrade: null,
    startedAt: 0,
    origins: { clientIp: () => "127.0.0.1", requestId: () => "1" },
  });
}

async function measure(plugin: typeof sync, rounds: number): Promise<void> {
  const { pipeline, host } = await pipelineOf(plugin);
  const ticker = new Ticker(clock, 100);
  const environment = {
    clock,
    ticker,
    host,
    serverTiming: false,
    showErrors: false,
    event: () => undefined,
    hasUpstream: () => true,
  };
  const owner = { continueBody() {}, left() {} };
  const once = async () => {
    const run = new HookRun(exchange(), pipeline, environment, owner);
    const halt = run.request(pipeline);
    if (halt instanceof Promise) await halt;
  };
  for (let i = 0; i < rounds / 10; i++) await once();
  const began = performance.now();
  for (let i = 0; i < rounds; i++) await once();
  const us = ((performance.now() - began) * 1000) / (rounds * HOOKS);
  console.log(`${plugin.name.padEnd(8)} ${us.toFixed(3)} µs a hook (${rounds} × ${HOOKS})`);
  ticker.stop();
}

function measureTransform(): void {
  const chunk = new Uint8Array(64 * 1024);
  const source = new BytesBody(chunk);
  const sink = { write: () => true, end() {}, abort() {}, onDrain: null };
  const rounds = 20_000;
  const inner = {
    ...source,
    length: null,
    trailers: null,
    used: false,
    cancel() {},
    stream: () => source.stream(),
    bytes: () => source.bytes(1),
    pipeTo(to: typeof sink & { write(chunk: Uint8Array): boolean }, done: () => void) {
      for (let i = 0; i < rounds; i++) to.write(chunk);
      to.end();
      done();
    },
  };
  const began = performance.now();
  const identity = { chunk: (bytes: Uint8Array, push: (bytes: Uint8Array) => void) => push(bytes) };
  new TransformedBody(inner as never, identity, () => undefined as never).pipeTo(sink, () => undefined);
  const seconds = (performance.now() - began) / 1000;
  console.log(`identity transform ${((rounds * chunk.byteLength) / 1e6 / seconds).toFixed(0)} MB/s`);
}

const calls = Number(process.argv[2] ?? 1_000_000);
await measure(sync, calls / HOOKS);
await measure(settled as typeof sync, calls / HOOKS);
await measure(waiting as typeof sync, calls / HOOKS);
measureTransform();
