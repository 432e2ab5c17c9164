import { type Contender, PLAIN } from "./contender.ts";

export const caddy: Contender = {
  ...PLAIN,
  name: "caddy",
  tools: [{ command: "caddy", install: "apt-get install caddy" }],
  plan({ workspace, port, originPort }) {
    const config = workspace.write(
      `Caddyfile-${port}`,
      `{
	admin off
	auto_https off
}
http://127.0.0.1:${port} {
	bind 127.0.0.1
	reverse_proxy 127.0.0.1:${originPort} {
		transport http {
			keepalive_idle_conns_per_host 512
		}
	}
}
`,
    );
    // Go takes as many threads as taskset leaves it cores, so nothing is said about them here.
    const env = { HOME: workspace.dir, XDG_CONFIG_HOME: workspace.dir, XDG_DATA_HOME: workspace.dir };
    return { command: ["caddy", "run", "--adapter", "caddyfile", "--config", config], env };
  },
};
