import { describe, expect, test } from "bun:test";
import { totalmem } from "node:os";
import { memoryLimit } from "../../src/proxy/limits/memory-limit.ts";
import { ownMemory } from "../../src/proxy/limits/memory-own.ts";
import { MemoryWatermark } from "../../src/proxy/limits/memory-watermark.ts";

describe("the memory watermark", () => {
  const levels = (used: number[]) => {
    const mark = new MemoryWatermark({ limitBytes: 1000 });
    return used.map((bytes) => (mark.update(bytes), mark.level));
  };

  test("sheds low priorities, then all, before the limit", () => {
    expect(levels([0, 849, 850, 949, 950, 2000])).toEqual([
      "normal",
      "normal",
      "shedLow",
      "shedLow",
      "shedAll",
      "shedAll",
    ]);
  });

  test("does not flutter: a level ends well below its mark", () => {
    expect(levels([950, 949, 901, 900, 899, 850, 800, 799, 849])).toEqual([
      "shedAll",
      "shedAll",
      "shedAll",
      "shedAll",
      "shedLow",
      "shedLow",
      "shedLow",
      "normal",
      "normal",
    ]);
    expect(levels([950, 100])).toEqual(["shedAll", "normal"]);
  });

  test("says when the level changed", () => {
    const mark = new MemoryWatermark({ limitBytes: 1000 });
    expect([10, 860, 861, 10].map((used) => mark.update(used))).toEqual([false, true, false, true]);
  });

  test("refuses marks in the wrong order", () => {
    expect(() => new MemoryWatermark({ limitBytes: 1000, low: 0.9, all: 0.8 })).toThrow("does not hold");
    expect(() => new MemoryWatermark({ limitBytes: 0 })).toThrow("0 octets");
  });
});

describe("the memory limit", () => {
  const from = (files: Record<string, string>) => ({
    totalBytes: 1000,
    read: (path: string) => {
      const text = files[path];
      if (text === undefined) throw new Error(`ENOENT ${path}`);
      return text;
    },
  });
  const of = (files: Record<string, string>) => memoryLimit(from(files)).limitBytes;

  test("is the least memory.max on the way to the root", () => {
    const group = { "/proc/self/cgroup": "0::/a/b\n" };
    expect(of({ ...group, "/sys/fs/cgroup/a/b/memory.max": "max\n", "/sys/fs/cgroup/a/memory.max": "300\n" })).toBe(
      300,
    );
    expect(of({ ...group, "/sys/fs/cgroup/a/b/memory.max": "200\n", "/sys/fs/cgroup/a/memory.max": "300\n" })).toBe(
      200,
    );
  });

  test("is found in a container that sees its own group as the root", () => {
    expect(of({ "/proc/self/cgroup": "0::/../x\n", "/sys/fs/cgroup/memory.max": "400\n" })).toBe(400);
    expect(of({ "/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/memory.max": "400\n" })).toBe(400);
  });

  test("is the first version's where the kernel has that", () => {
    const groups = "5:cpu:/c\n4:memory:/m\n0::/\n";
    expect(of({ "/proc/self/cgroup": groups, "/sys/fs/cgroup/memory/m/memory.limit_in_bytes": "500\n" })).toBe(500);
    const none = "9223372036854771712\n";
    expect(of({ "/proc/self/cgroup": groups, "/sys/fs/cgroup/memory/m/memory.limit_in_bytes": none })).toBe(1000);
  });

  test("is all there is where no group says less", () => {
    expect(of({})).toBe(1000);
    expect(of({ "/proc/self/cgroup": "nonsense", "/sys/fs/cgroup/memory.max": "-1" })).toBe(1000);
    expect(of({ "/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/memory.max": "max\n" })).toBe(1000);
  });

  test("of this machine is above nothing and at most all there is", () => {
    const { limitBytes, used } = memoryLimit();
    expect(limitBytes).toBeGreaterThan(1e6);
    expect(limitBytes).toBeLessThanOrEqual(totalmem());
    if (used !== null) expect(used()).toBeWithin(1, limitBytes);
  });

  const V2 = {
    "/proc/self/cgroup": "0::/a/b\n",
    "/sys/fs/cgroup/a/memory.max": "800\n",
    "/sys/fs/cgroup/a/memory.current": "500\n",
    "/sys/fs/cgroup/a/memory.stat": "anon 7\ninactive_file 100\nactive_file 20\nslab 9\n",
  };

  test("is near by what the whole group with that limit uses, without the caches that the kernel drops first", () => {
    expect(memoryLimit(from(V2)).used?.()).toBe(380);
    const v1 = {
      "/proc/self/cgroup": "4:memory:/m\n",
      "/sys/fs/cgroup/memory/m/memory.limit_in_bytes": "800\n",
      "/sys/fs/cgroup/memory/m/memory.usage_in_bytes": "500\n",
      "/sys/fs/cgroup/memory/m/memory.stat": "inactive_file 1\ntotal_inactive_file 100\ntotal_active_file 20\n",
    };
    expect(memoryLimit(from(v1)).used?.()).toBe(380);
    expect(memoryLimit(from({ ...V2, "/sys/fs/cgroup/a/memory.stat": "" })).used?.()).toBe(500);
    expect(memoryLimit(from({})).used).toBeNull();
  });

  test("counts as the kernel counts: one limit for all who are in the group, however many serve", () => {
    const memory = ownMemory(() => 4, from(V2));
    expect([memory.limitBytes, memory.used()]).toEqual([800, 380]);
  });

  test("is shared out among those who serve where each knows only its own use", () => {
    let workers = 4;
    const alone = ownMemory(() => workers, from({}));
    expect(alone.limitBytes).toBe(250);
    expect(alone.used()).toBeGreaterThan(1e6);
    workers = 1;
    expect(alone.limitBytes).toBe(1000);
    const unread = { ...V2 };
    delete (unread as Partial<typeof V2>)["/sys/fs/cgroup/a/memory.current"];
    expect(ownMemory(() => 2, from(unread)).limitBytes).toBe(400);
  });
});
