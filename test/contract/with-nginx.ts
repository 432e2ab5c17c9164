/**
 * `bun test/contract/with-nginx.ts`: plays the plain cases against nginx. A case that a proxy of twenty years fails is worth
 * a second look: is it the case that is wrong? Not part of `bun run test`.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../kit/free-port.ts";
import { eventually } from "../kit/eventually.ts";
import { ProxyProcess } from "../kit/proxy-process.ts";
import { RawClient } from "../kit/raw-client.ts";
import { RawOrigin } from "../kit/raw-origin.ts";
import { CONTRACT } from "./contract.cases.ts";
import type { Stage } from "./stage.ts";

const configuration = (port: number, origin: number, directory: string) => `
daemon off; master_process off; pid ${directory}/pid; error_log stderr warn;
events { worker_connections 4096; }
http {
  access_log off; client_body_temp_path ${directory}/b; proxy_temp_path ${directory}/p; fastcgi_temp_path ${directory}/f;
  uwsgi_temp_path ${directory}/u; scgi_temp_path ${directory}/s; client_max_body_size 0; ignore_invalid_headers off;
  large_client_header_buffers 4 16k; proxy_buffer_size 64k; proxy_buffers 8 64k; proxy_busy_buffers_size 128k;
  map $http_upgrade $up { default upgrade; "" ""; }
  upstream origin { server 127.0.0.1:${origin}; keepalive 64; }
  server {
    listen 127.0.0.1:${port}; merge_slashes off;
    location / {
      proxy_pass http://origin; proxy_http_version 1.1; proxy_buffering off; proxy_request_buffering off;
      proxy_set_header Connection $up; proxy_set_header Upgrade $http_upgrade; proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Forwarded-Host $host; proxy_set_header X-Request-Id $request_id;
      proxy_set_header Via "1.1 sluice"; add_header X-Request-Id $request_id always; proxy_set_header X-Real-IP "";
      proxy_set_header Forwarded ""; proxy_pass_header Server; proxy_pass_header Date; proxy_next_upstream off;
    }
  }
}`;

class Unsupported extends Error {}

const only = process.argv[2] ?? "";
const directory = mkdtempSync(join(tmpdir(), "nginx-test-"));
const origin = await RawOrigin.start();
const port = await freePort();
writeFileSync(join(directory, "nginx.conf"), configuration(port, origin.port, directory));
const nginx = new ProxyProcess(["nginx", "-p", directory, "-e", "stderr", "-c", join(directory, "nginx.conf")]);
await eventually("nginx listens", () =>
  RawClient.connect(port).then(
    (client) => (client.close(), true),
    () => false,
  ),
);
const stage: Stage = {
  edge: "wire",
  origin,
  port,
  gateway: () => Promise.reject(new Unsupported("needs a configuration of Sluice")),
};
const counts = { passed: 0, failed: 0, unsupported: 0 };
for (const { name, run } of CONTRACT) {
  if (!name.includes(only)) continue;
  origin.restart();
  try {
    await run(stage);
    counts.passed++;
  } catch (error) {
    if (error instanceof Unsupported) counts.unsupported++;
    else {
      counts.failed++;
      console.log(`FAILED ${name}\n  ${(error as Error).message.replaceAll("\n", "\n  ").slice(0, 400)}`);
    }
  }
}
await nginx.kill();
await origin.stop();
rmSync(directory, { recursive: true, force: true });
console.log(`nginx: ${counts.passed} passed, ${counts.failed} failed, ${counts.unsupported} need Sluice`);
process.exit(0);
