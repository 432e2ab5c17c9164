import { expect, test } from "bun:test";
import { eventually } from "../kit/eventually.ts";
import { freePort } from "../kit/free-port.ts";
import { ask } from "../kit/raw-client.ts";
import { describeWithRedis, RedisServer } from "../kit/redis-server.ts";
import { type Config, Sluice } from "../kit/sluice.ts";

describeWithRedis("/health/ready", () => {
  const ways: Array<[string, (url: string) => Config]> = [
    ["redis:", (url) => ({ redis: { url } })],
    ["FlexGate's rateLimit.redis", (url) => ({ rateLimit: { backend: "redis", redis: { url } } })],
  ];
  for (const [where, configured] of ways)
    test(`tells of the Redis under ${where}: UP, DOWN when it goes, and UP when it is back`, async () => {
      const redis = await RedisServer.start({ password: "s3cret" });
      try {
        const admin = await freePort();
        await using sluice = await Sluice.start({ admin: { port: admin }, ...configured(redis.url) });
        const ready = async () => (await ask(admin, { target: "/health/ready" })).json();
        const says = async (word: string) => ((await ready())["checks"] as Record<string, string>)["redis"] === word;
        expect(await ready()).toMatchObject({ status: "UP", checks: { database: "UP", redis: "UP" } });
        await redis.kill();
        await eventually("it to be missed", () => says("DOWN"));
        // It serves on without.
        expect(await ready()).toMatchObject({ status: "UP", checks: { database: "UP", redis: "DOWN" } });
        await redis.start();
        await eventually("it to be seen again", () => says("UP"));
        expect(sluice.process.output).not.toContain("s3cret");
      } finally {
        await redis.stop();
      }
    });
});
