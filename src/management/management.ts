import type { Configuration } from "../configuration.ts";
import type { DiscoveryView } from "../control/admin/admin-ports.ts";
import type { DockerSettings } from "../control/config/build-docker.ts";
import type { ConfigAccepted, ConfigFrame, LeftOut } from "../control/config/load-config.ts";
import { Discovery } from "../control/discovery/discovery.ts";
import type { PartialConfig, Provider } from "../control/discovery/provider.ts";
import type { Store } from "../control/store/store.ts";
import { StoredConfig } from "../control/store/stored-config.ts";
import type { AdminSide } from "./admin-side.ts";
import { ConfigChanges } from "./config-changes.ts";
import type { Docker } from "./docker.ts";
import type { InnerListener } from "./inner-listener.ts";
import { Names } from "./names.ts";
import type { Proxied } from "./proxied.ts";
import type { RedisCheck } from "./redis-check.ts";
import type { Registry } from "./registry.ts";

export interface ManagementParts {
  /** What the file says by itself. */
  readonly first: ConfigFrame;
  readonly configuration: Configuration;
  readonly proxied: Proxied;
  readonly version: string;
}

/** A start waits so long for what names lead to and providers have found; what comes later is served when it comes. */
const FIRST_WORD_MS = 2_000;

/**
 * What stands beside the traffic: the store, the admin API, providers, names. What is asked for is decided at the start, names
 * excepted; what nobody asked for is not loaded.
 */
export class Management {
  readonly #parts: ManagementParts;
  readonly #names: Names;
  readonly #discovery: Discovery;
  #store: Store | null = null;
  #registry: Registry | null = null;
  #docker: Docker | null = null;
  #admin: AdminSide | null = null;
  #inner: InnerListener | null = null;
  #redis: RedisCheck | null = null;
  #isServing = false;
  /** Something changed after the first version was made of what was known. */
  #isBehind = false;
  #complaints: ReadonlySet<string> = new Set();

  constructor(parts: ManagementParts) {
    this.#parts = parts;
    const { log } = parts.proxied;
    this.#names = new Names({
      settings: parts.first.management.discovery.dns,
      onChange: () => void this.#changed(),
      onFailure: (name, err) => log.error({ name, err }, "a name could not be looked up"),
    });
    this.#discovery = new Discovery({
      onChange: () => this.#changed(),
      onFailure: (provider, err) => log.error({ provider, err }, "discovery failed"),
    });
  }

  /** Before the first version is served: what it is made of beside the file. Rejects with what the operator is to be told. */
  async open(): Promise<void> {
    const { first, configuration, proxied } = this.#parts;
    const { admin, storeUrl, discovery } = first.management;
    this.#names.follow(first.dns);
    if (admin !== null || discovery.registry !== null) {
      const { openStore } = await import("../control/store/open-store.ts");
      const log = (line: string) => proxied.log.info(line);
      this.#store = await openStore({ url: storeUrl, now: () => Date.now(), log });
      configuration.stored = await StoredConfig.load(this.#store);
      await this.#openAdmin(this.#store);
      // What the admin API keeps may name names, too.
      const whole = await configuration.consider(configuration.stored);
      if (whole.ok) this.#names.follow(whole.frame.dns);
    }
    if (discovery.docker !== null && this.#docker === null) await this.#openDocker(discovery.docker, null);
    const providers: Provider[] = [];
    if (this.#registry !== null) providers.push(this.#registry.provider);
    if (this.#docker !== null) providers.push(this.#docker.provider);
    this.#discovery.follow(providers);
    await Promise.all([this.#names.settled(FIRST_WORD_MS), this.#discovery.settled(FIRST_WORD_MS)]);
    this.#tell();
    this.#isBehind = false;
  }

  /** Once traffic is served. @throws when the address cannot be had. @returns where the admin API listens; null: nowhere */
  serve(): string | null {
    this.#isServing = true;
    const url = this.#admin?.listen() ?? null;
    const { first, configuration } = this.#parts;
    if (first.management.admin?.port === 0) {
      configuration.ours = this.#admin!.addresses;
      this.#isBehind = true;
    }
    if (this.#isBehind) void this.#changed();
    else this.#complain();
    return url;
  }

  /** A version is served. */
  follow(accepted: ConfigAccepted): void {
    this.#names.follow(accepted.frame.dns);
  }

  async stop(): Promise<void> {
    this.#isServing = false;
    this.#names.stop();
    this.#discovery.stop();
    this.#registry?.stop();
    this.#docker?.stop();
    this.#redis?.stop();
    await this.#inner?.stop();
    await this.#admin?.stop();
    await this.#store?.close();
  }

  async #openAdmin(store: Store): Promise<void> {
    const { first, configuration, proxied, version } = this.#parts;
    const { admin, discovery } = first.management;
    const [{ AdminSide }, { RedisCheck }] = await Promise.all([import("./admin-side.ts"), import("./redis-check.ts")]);
    this.#redis = new RedisCheck();
    if (discovery.registry !== null) {
      const { Registry } = await import("./registry.ts");
      const ours = () => this.#admin?.addresses ?? [];
      this.#registry = await Registry.open({
        settings: discovery.registry,
        store,
        proxied,
        ours,
        leftOut: () => this.#unserved.length > 0,
        orders: () => configuration.stored.list("endpoint"),
      });
    }
    if (discovery.docker !== null) await this.#openDocker(discovery.docker, store);
    const registry = this.#registry;
    const reconcile = () => proxied.reconcile();
    this.#admin = new AdminSide({
      settings: admin,
      version,
      store,
      configuration,
      proxied,
      changes: new ConfigChanges({ configuration, store, reconcile, now: () => Date.now() }),
      discovery: () => this.#view(),
      readiness: () => this.#readiness(),
      registry: registry === null ? null : (request, actor) => registry.handle(request, actor),
      containers: this.#docker?.handle ?? null,
    });
    const listener = discovery.registry?.listener ?? null;
    if (listener === null) return;
    const { InnerListener } = await import("./inner-listener.ts");
    const { app } = this.#admin;
    this.#inner = new InnerListener((request, clientIp) => app.handle(request, clientIp));
    configuration.own = this.#inner.partsFor(listener);
  }

  async #openDocker(settings: DockerSettings, store: Store | null): Promise<void> {
    const { first, proxied } = this.#parts;
    const { Docker } = await import("./docker.ts");
    const { listener } = first;
    const port = listener === null || [0, 80, 443].includes(listener.port) ? "" : `:${listener.port}`;
    const scheme = listener?.hasTls === true ? "https" : "http";
    const urlOf = (host: string) => `${scheme}://${host}${port}/`;
    this.#docker = new Docker({ settings, redisUrl: first.redisUrl, store, log: proxied.log, urlOf });
  }

  async #changed(): Promise<void> {
    this.#tell();
    this.#isBehind = !this.#isServing;
    if (!this.#isServing) return;
    await this.#parts.proxied.reload();
    this.#complain();
  }

  /** In the log, once each: not everybody has an admin API. */
  #complain(): void {
    const before = this.#complaints;
    const { leftOut } = this.#view();
    this.#complaints = new Set(leftOut.map(({ from, reasons }) => `${from} is left out: ${reasons.join("; ")}`));
    for (const complaint of this.#complaints) if (!before.has(complaint)) this.#parts.proxied.log.warn(complaint);
  }

  #tell(): void {
    const { configuration } = this.#parts;
    configuration.discovered = this.#discovery.known;
    configuration.resolved = this.#names.states;
  }

  /** What providers have found, and what cannot be served. */
  get #unserved(): readonly LeftOut[] {
    return this.#parts.configuration.accepted?.leftOut ?? [];
  }

  #view(): DiscoveryView {
    const names = [...this.#names.states.values()].map(({ spec, status, detail }) => {
      return { name: spec.key, up: status === "fresh", detail: detail === "" ? status : `${status}: ${detail}` };
    });
    return {
      providers: [...this.#discovery.states, ...names],
      leftOut: [...rejectedBy(this.#discovery.known), ...this.#unserved],
    };
  }

  async #readiness(): Promise<Map<string, string | null>> {
    const checks = new Map<string, string | null>();
    checks.set("config", this.#parts.configuration.loaded?.ok === true ? null : "the configuration has mistakes");
    const database = await this.#store?.check().then(
      () => null,
      (error: Error) => error.message,
    );
    if (database !== undefined) checks.set("database", database);
    const redis = await this.#redis?.check(this.#parts.proxied.spec);
    if (redis !== undefined) checks.set("redis", redis);
    for (const { name, up, detail } of this.#discovery.states) checks.set(name, up ? null : detail);
    return checks;
  }
}

/** What providers themselves have left out, each origin once. */
function rejectedBy(known: ReadonlyMap<string, PartialConfig>): LeftOut[] {
  const reasons = new Map<string, string[]>();
  for (const [provider, { rejected }] of known)
    for (const { origin, reason } of rejected) {
      const from = `${provider}: ${origin}`;
      reasons.set(from, [...(reasons.get(from) ?? []), reason]);
    }
  return [...reasons].map(([from, reasons]) => ({ from, reasons }));
}
