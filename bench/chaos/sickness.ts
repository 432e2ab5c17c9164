/** What can be wrong with an endpoint. */
export const SICKNESSES = {
  refuse: "nobody listens, and connections that were open are reset",
  hang: "takes requests and never answers",
  reset: "resets the connection once it has the request",
  garbage: "answers what is not HTTP",
  slow: "answers 100 times as late",
  crawl: "answers so late that its attempts run out of time",
  flap: "refuses and is well in turns of 400 ms",
  vanish: "is frozen, as if its host were gone",
} as const;

export type Sickness = keyof typeof SICKNESSES;

export const KINDS = Object.keys(SICKNESSES) as readonly Sickness[];

/** `unwell` says 503 to everything. */
export type Condition = Sickness | "well" | "unwell";

/** To an endpoint's process. */
export type Order = { readonly become: Condition } | { readonly report: true };

/** From it. */
export type Notice = { readonly port: number } | { readonly report: Received };

/** The numbers of the requests that came, as often as they came; health checks left out. */
export interface Received {
  readonly gets: readonly number[];
  readonly posts: readonly number[];
}

export const HEALTH_PATH = "/health";
