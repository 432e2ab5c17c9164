import { didYouMean } from "../../../contract/edit-distance.ts";
import { parseDuration } from "../../../contract/units.ts";
import { hostPatternProblem, pathPatternProblem } from "../../config/text-checks.ts";

/** What a container's `sluice.*` labels say; null, or empty, where it says nothing. */
export interface ContainerLabels {
  readonly isEnabled: boolean | null;
  readonly service: ServiceLabels;
  readonly endpoint: EndpointLabels;
  /** The upstream it joins. */
  readonly upstream: string | null;
}

/** Of the service as a whole: all its containers say the same. */
export interface ServiceLabels {
  readonly hosts: readonly string[] | null;
  readonly paths: readonly string[] | null;
  readonly stripPath: string | null;
  readonly plugins: readonly string[];
  readonly auth: "required" | null;
  readonly balance: string | null;
  readonly healthPath: string | null;
  readonly healthInterval: string | null;
}

/** Of one container. */
export interface EndpointLabels {
  readonly port: number | null;
  readonly scheme: "http" | "https";
  readonly weight: number;
  readonly network: string | null;
  /** `sluice.labels.version=2`: what routes may choose by. */
  readonly words: Readonly<Record<string, string>>;
}

const PREFIX = "sluice.";
const WORDS = "labels.";
/** These belong to container management. */
const MANAGEMENT = ["manage", "createdBy"];
const NAME = /^[A-Za-z0-9._-]{1,100}$/;

type Reader = (value: string) => string | null;

const BOOLEAN: Reader = (value) => (/^(true|false)$/.test(value) ? null : "expected true or false");
const NAMED: Reader = (value) => (NAME.test(value) ? null : "expected a name: letters, digits, dot, dash, underscore");

/** What each label must look like. @returns what is wrong, or null */
const LABELS: Readonly<Record<string, Reader>> = {
  enable: BOOLEAN,
  host: (value) => problemIn(value, (host) => (host === "*" ? null : hostPatternProblem(host))),
  path: (value) => problemIn(value, pathPatternProblem),
  stripPath: (value) => (value.includes("*") ? "expected a path without *" : pathPatternProblem(value)),
  plugins: (value) => problemIn(value, NAMED),
  auth: (value) => (value === "required" ? null : "only required is possible: a label may ask for more, not for less"),
  upstream: NAMED,
  balance: NAMED,
  "health.path": (value) => (value.startsWith("/") ? null : "expected a path such as /health"),
  "health.interval": (value) => ((parseDuration(value) ?? 0) > 0 ? null : "expected a duration such as 10s"),
  port: (value) => (isWhole(value, 1, 65_535) ? null : "expected a port from 1 to 65535"),
  scheme: (value) => (/^https?$/.test(value) ? null : "expected http or https"),
  weight: (value) => (isWhole(value, 0, 1_000_000) ? null : "expected a whole number up to 1000000"),
  network: (value) => (value === "" ? "expected a network's name" : null),
};

const KNOWN = [...Object.keys(LABELS), ...MANAGEMENT];

/** The labels that `labelsOf` understands. */
export const LABEL_NAMES: readonly string[] = [...KNOWN.map((name) => PREFIX + name), `${PREFIX}${WORDS}NAME`];

/**
 * A container with a label that makes no sense is not routed at all: half of what its owner meant may be the dangerous half.
 * @returns what the labels say, or what is wrong with the first that is
 */
export function labelsOf(raw: Readonly<Record<string, string>>): ContainerLabels | { readonly problem: string } {
  const own = new Map<string, string>();
  for (const [label, value] of Object.entries(raw)) {
    if (!label.toLowerCase().startsWith(PREFIX)) continue;
    const name = label.slice(PREFIX.length);
    const problem = label.startsWith(PREFIX) ? problemOf(name, value.trim()) : unknown(name);
    if (problem !== null) return { problem: `the label ${label}: ${problem}` };
    own.set(name, value.trim());
  }
  return meaningOf(own);
}

function problemOf(name: string, value: string): string | null {
  if (name.startsWith(WORDS) && name.length > WORDS.length) return null;
  if (MANAGEMENT.includes(name)) return null;
  const reader = Object.hasOwn(LABELS, name) ? LABELS[name] : undefined;
  if (reader === undefined) return unknown(name);
  const problem = reader(value);
  return problem === null ? null : `${problem}, got ${JSON.stringify(value)}`;
}

function unknown(name: string): string {
  const meant = didYouMean(name, KNOWN);
  return meant === undefined
    ? `there is no such label; known are ${KNOWN.join(", ")}`
    : `there is no such label: ${meant}`;
}

function meaningOf(own: ReadonlyMap<string, string>): ContainerLabels {
  const text = (name: string) => own.get(name) ?? null;
  const words = [...own].filter(([name]) => name.startsWith(WORDS));
  return {
    isEnabled: own.has("enable") ? own.get("enable") === "true" : null,
    upstream: text("upstream"),
    service: {
      hosts: own.has("host") ? partsOf(own.get("host")!).map((host) => host.toLowerCase()) : null,
      paths: own.has("path") ? partsOf(own.get("path")!) : null,
      stripPath: text("stripPath"),
      plugins: partsOf(own.get("plugins") ?? ""),
      auth: own.has("auth") ? "required" : null,
      balance: text("balance"),
      healthPath: text("health.path"),
      healthInterval: text("health.interval"),
    },
    endpoint: {
      port: own.has("port") ? Number(own.get("port")) : null,
      scheme: own.get("scheme") === "https" ? "https" : "http",
      weight: Number(own.get("weight") ?? 1),
      network: text("network"),
      words: Object.fromEntries(words.map(([name, value]) => [name.slice(WORDS.length), value])),
    },
  };
}

function partsOf(list: string): string[] {
  const parts = list.split(",").map((part) => part.trim());
  return parts.filter((part) => part !== "");
}

function problemIn(list: string, check: Reader): string | null {
  const parts = partsOf(list);
  if (parts.length === 0) return "expected something";
  return parts.map(check).find((problem) => problem !== null) ?? null;
}

function isWhole(value: string, min: number, max: number): boolean {
  return /^\d{1,7}$/.test(value) && Number(value) >= min && Number(value) <= max;
}
