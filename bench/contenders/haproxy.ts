import { type Contender, PLAIN } from "./contender.ts";

export const haproxy: Contender = {
  ...PLAIN,
  name: "haproxy",
  tools: [{ command: "haproxy", install: "apt-get install haproxy" }],
  plan({ workspace, port, originPort }) {
    const config = workspace.write(
      `haproxy-${port}.cfg`,
      `global
  nbthread 1
  maxconn 8192
defaults
  mode http
  timeout connect 5s
  timeout client 900s
  timeout server 900s
  http-reuse always
frontend web
  bind 127.0.0.1:${port}
  option forwardfor
  default_backend origin
backend origin
  server one 127.0.0.1:${originPort}
`,
    );
    return { command: ["haproxy", "-f", config] };
  },
};
