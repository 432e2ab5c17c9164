import { describe, expect, test } from "bun:test";
import {
  cacheIn,
  CacheWriter,
  parseConfig,
  serializeConfig,
} from "../../../src/control/discovery/docker/address-cache.ts";
import { containersToServices } from "../../../src/control/discovery/docker/containers-to-services.ts";
import type { PartialConfig } from "../../../src/control/discovery/provider.ts";
import { container, labelled, OPTIONS, running } from "./containers.ts";

const LABELS = { "sluice.health.path": "/health", "sluice.labels.version": "2", "sluice.plugins": "cors" };
const CONFIG = containersToServices(running(container("shop"), labelled("web", LABELS)), OPTIONS);
const NOTHING: PartialConfig = { services: [], rejected: [] };

describe("addresses that are kept", () => {
  test("are read as they were written", () => {
    expect(parseConfig(serializeConfig(CONFIG))).toEqual(CONFIG);
    expect(parseConfig(serializeConfig(NOTHING))).toEqual(NOTHING);
  });

  test("lie wherever a text can", async () => {
    let kept: string | null = null;
    const cache = cacheIn({ read: async () => kept, write: async (text) => void (kept = text) });
    expect(await cache.load()).toBeNull();
    await cache.save(CONFIG);
    expect(await cache.load()).toEqual(CONFIG);
  });

  test("without reasons, and without what was about to stop", () => {
    const stopping = { ...running(container("old"))[0]!, isStopping: true };
    const config = containersToServices([stopping, ...running(labelled("x", { "sluice.x": "1" }))], OPTIONS);
    expect(config).toMatchObject({ services: [{ endpoints: [{ draining: true }] }], rejected: [{}] });
    expect(parseConfig(serializeConfig(config))).toMatchObject({
      services: [{ name: "old", endpoints: [] }],
      rejected: [],
    });
  });

  const text = serializeConfig(CONFIG);
  test.each([
    ["", ""],
    ["no JSON", "{"],
    ["null", "null"],
    ["another format", text.replace("discovered/1", "discovered/2")],
    ["a port out of range", text.replace('"port":80', '"port":80000')],
    ["a port as text", text.replace('"port":80', '"port":"80"')],
    ["no host", text.replace('"host":"172.17.0.2"', '"host":""')],
    ["another scheme", text.replace('"scheme":"http"', '"scheme":"file"')],
    ["a negative weight", text.replace('"weight":1', '"weight":-1')],
    ["services that are none", '{"format":"sluice-discovered/1","services":[null]}'],
  ])("with %s are nothing", (_, broken) => {
    expect(broken).not.toBe(text);
    expect(parseConfig(broken)).toBeNull();
  });

  test("only the latest is written while the cache is busy, and a failing one is told of once", async () => {
    const saved: PartialConfig[] = [];
    const trouble: string[] = [];
    const gates: Array<(fails: boolean) => void> = [];
    const save = (config: PartialConfig) => {
      saved.push(config);
      return new Promise<void>((resolve, reject) =>
        gates.push((fails) => (fails ? reject(new Error("full")) : resolve())),
      );
    };
    const writer = new CacheWriter({ load: async () => null, save }, (message) => trouble.push(message));
    const open = async (fails: boolean) => {
      gates.shift()!(fails);
      await Bun.sleep(0);
    };
    const [a, b, c] = [{ ...CONFIG }, { ...CONFIG }, { ...CONFIG }];
    for (const config of [a, b, c]) writer.save(config);
    await open(true);
    expect(saved).toEqual([a, c]);
    await open(true);
    expect(trouble).toEqual(["addresses found by Docker are not kept: Error: full"]);
    writer.save(b);
    await open(false);
    expect(saved).toHaveLength(3);
  });
});
