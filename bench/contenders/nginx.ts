import type { StartPlan } from "../harness/processes.ts";
import type { Workspace } from "../harness/workspace.ts";
import { type Contender, PLAIN, type Place } from "./contender.ts";

export const NGINX_TOOL = { command: "nginx", install: "apt-get install nginx-light" };

/** Everything nginx would write elsewhere goes into the workspace: it runs beside an installed one, and without root. */
export function nginxPlan(workspace: Workspace, name: string, http: string): StartPlan {
  const scratch = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  const errors = workspace.file(`${name}.nginx-errors`);
  const config = workspace.write(
    `${name}.conf`,
    `${process.getuid?.() === 0 ? "user root;" : ""}
worker_processes 1; daemon off; pid ${workspace.file(`${name}.pid`)}; error_log ${errors};
events { worker_connections 8192; }
http { access_log off; keepalive_requests 100000000; keepalive_timeout 900s;
${scratch.map((kind) => `  ${kind}_temp_path ${workspace.file(`${name}-${kind}`)};`).join("\n")}
${http}
}
`,
  );
  return { command: ["nginx", "-p", workspace.dir, "-e", errors, "-c", config] };
}

function proxyPlan({ workspace, port, originPort }: Place, listen: string): StartPlan {
  return nginxPlan(
    workspace,
    `nginx-${port}`,
    `  upstream origin { server 127.0.0.1:${originPort}; keepalive 512; keepalive_requests 100000000; }
  server { listen 127.0.0.1:${port}${listen}
    location / { proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection "";
      client_max_body_size 64m; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; } }`,
  );
}

export const nginx: Contender = {
  ...PLAIN,
  name: "nginx",
  tools: [NGINX_TOOL],
  plan: (place) => proxyPlan(place, ";"),
};

export const nginxTls: Contender = {
  ...PLAIN,
  name: "nginx-tls",
  reference: "nginx-tls",
  scheme: "https",
  quick: false,
  tools: [NGINX_TOOL, { command: "openssl", install: "apt-get install openssl" }],
  plan(place) {
    const { cert, key } = place.workspace.certificate();
    return proxyPlan(place, ` ssl; ssl_certificate ${cert}; ssl_certificate_key ${key};`);
  },
};
