import type { Clock } from "../../../model/ports.ts";
import { Latest } from "../latest.ts";
import type { Later } from "../later.ts";
import type { PartialConfig, ProviderState } from "../provider.ts";
import { CacheWriter, type AddressCache } from "./address-cache.ts";
import { chooseReach, type ReachSetting } from "./choose-reach.ts";
import { ContainerTable } from "./container-table.ts";
import { containersToServices } from "./containers-to-services.ts";
import type { DockerClient, EngineFacts } from "./docker-client.ts";
import { runSession } from "./engine-session.ts";
import type { DockerRules } from "./mapping-options.ts";
import { Publisher } from "./publisher.ts";
import type { Reach } from "./reach.ts";
import { waited } from "./waited.ts";

export interface WatchParts {
  readonly client: DockerClient;
  readonly rules: DockerRules;
  readonly reach: ReachSetting;
  /** How long a service without containers is known. */
  readonly graceMs: number;
  readonly cache: AddressCache | null;
  readonly ownName: () => Promise<string | null>;
  readonly clock: Clock;
  readonly random: () => number;
  readonly later: Later;
  readonly onTrouble: (message: string) => void;
  readonly onState: (state: ProviderState) => void;
}

const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 2000;
const NOTHING: PartialConfig = { services: [], rejected: [] };

/** One watch over an engine, through all its absences. */
export class DockerWatch {
  readonly latest = new Latest<PartialConfig>();
  readonly #parts: WatchParts;
  readonly #table = new ContainerTable();
  readonly #publisher: Publisher;
  readonly #writer: CacheWriter | null;
  /** Of services on their way back, by container. */
  readonly #graces = new Map<string, () => void>();
  #engine: (EngineFacts & { ownId: string | null }) | null = null;
  #isConnected = false;
  #published = "";
  #failures = 0;
  /** undefined: not looked at yet. */
  #cached: PartialConfig | null | undefined = undefined;

  constructor(parts: WatchParts) {
    this.#parts = parts;
    this.#publisher = new Publisher(() => this.#publish(), parts.clock, parts.later);
    this.#writer = parts.cache === null ? null : new CacheWriter(parts.cache, parts.onTrouble);
  }

  /** Ends with `signal`; never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    void this.#readCache();
    const ownName = await this.#parts.ownName().catch(() => null);
    while (!signal.aborted) {
      try {
        await runSession({ ...this.#parts, ...this.#hooks, table: this.#table, ownName }, signal);
      } catch (error) {
        if (!signal.aborted) await this.#failed(error as Error, signal);
      }
    }
    this.#publisher.stop();
    for (const takeBack of this.#graces.values()) takeBack();
    this.#parts.client.close();
    this.#parts.onState({ up: false, detail: "not watched" });
  }

  readonly #hooks = {
    onSynced: (engine: EngineFacts & { ownId: string | null }) => {
      this.#engine = engine;
      this.#failures = 0;
      this.#isConnected = true;
      this.#publisher.now();
    },
    // Before the first look at everything is over, half of it would be taken for all of it.
    onChange: (kind: "more" | "less") => {
      if (this.#engine !== null) this.#publisher.changed(kind);
    },
    onGone: (id: string) => {
      // It may have come back and left again since the last time.
      this.#graces.get(id)?.();
      const takeBack = this.#parts.later(() => {
        this.#graces.delete(id);
        if (this.#table.forget(id)) this.#hooks.onChange("less");
      }, this.#parts.graceMs);
      this.#graces.set(id, takeBack);
    },
  };

  #seen({ version }: EngineFacts): string {
    const where = this.#parts.client.http.address.text;
    return `Docker ${version || "engine"} at ${where}: ${this.#table.running} containers run`;
  }

  async #failed(error: Error, signal: AbortSignal): Promise<void> {
    const { random, onState, onTrouble } = this.#parts;
    this.#isConnected = false;
    if (this.#failures === 0) onTrouble(error.message);
    onState({ up: false, detail: error.message });
    this.#offerCached();
    const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(this.#failures++, 10)) * (0.5 + random() / 2);
    await waited(wait, this.#parts.later, signal);
  }

  async #readCache(): Promise<void> {
    const { cache, onTrouble } = this.#parts;
    try {
      this.#cached = (await cache?.load()) ?? null;
    } catch (error) {
      onTrouble(`addresses kept from before cannot be read: ${String(error)}`);
      this.#cached = null;
    }
    if (this.#failures > 0) this.#offerCached();
  }

  /** While no engine has said anything yet. */
  #offerCached(): void {
    if (this.#engine !== null || this.#cached === undefined) return;
    this.#send(this.#cached ?? NOTHING);
  }

  #publish(): void {
    if (this.#engine === null) return;
    const { rules, onState } = this.#parts;
    if (this.#isConnected) onState({ up: true, detail: this.#seen(this.#engine) });
    const { ownId } = this.#engine;
    const config = containersToServices(this.#table.list(), { ...rules, ownId, reach: this.#reach(this.#engine) });
    if (this.#send(config)) this.#writer?.save(config);
  }

  /** @returns whether it is news */
  #send(config: PartialConfig): boolean {
    const text = JSON.stringify(config);
    if (text === this.#published) return false;
    this.#published = text;
    this.latest.set(config);
    return true;
  }

  #reach({ isSealed, ownId }: EngineFacts & { ownId: string | null }): Reach {
    const own = ownId === null ? null : this.#table.get(ownId);
    const { client, reach: setting } = this.#parts;
    const facts = {
      setting,
      address: client.http.address,
      isInside: own !== null,
      isSealed,
      platform: process.platform,
    };
    const chosen = chooseReach(facts);
    return chosen.by === "network" ? { by: "network", own } : chosen;
  }
}
