# What Sluice depends on at run time, exactly as bun.lock has it.
FROM oven/bun:1.4.5-slim AS dependencies
WORKDIR /app
COPY package.json bun.lock bunfig.toml ./
RUN bun install --frozen-lockfile --production

FROM oven/bun:1.4.5-slim

# tini is process 1: it forwards signals, so that `docker stop` drains, and reaps what workers leave behind.
RUN apt-get update \
  && apt-get install --yes --no-install-recommends tini \
  && rm -rf /var/lib/apt/lists/*

WORKDIR /app
COPY --from=dependencies /app/node_modules ./node_modules
# .dockerignore names what is in "."
COPY . .
RUN printf '#!/bin/sh\nexec bun /app/src/main.ts "$@"\n' > /usr/local/bin/sluice \
  && chmod 755 /usr/local/bin/sluice \
  && mkdir -p /etc/sluice \
  && install -d -o bun -g bun /app/data \
  && cp config/sluice.yaml config/sluice.schema.json /etc/sluice/

# The image's own unprivileged user. Ports below 1024 are no use to it: listen on 8080 and publish 80:8080.
USER bun

# The second saves a start: Bun reads it before the first line of ours runs (more than 256 requests at once by `fetch`).
ENV NODE_ENV=production \
  BUN_CONFIG_MAX_HTTP_REQUESTS=65535 \
  SLUICE_CONFIG=/etc/sluice/sluice.yaml \
  SLUICE_HEALTH_URL=http://127.0.0.1:8080/healthz

EXPOSE 8080

# What the admin API changes, where it is on: `store.url` names another place.
VOLUME /app/data

# Needs `health: /healthz` on the listener; 503 while draining counts as unhealthy.
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s --retries=3 \
  CMD ["bun", "-e", "process.exit((await fetch(process.env.SLUICE_HEALTH_URL)).ok ? 0 : 1)"]

# More than `shutdown.drainMs`, which is 8 s: give `docker stop` at least `--time 10`.
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/bin/tini", "--", "sluice"]
CMD ["start"]
