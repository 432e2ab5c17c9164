import { decodeForMatching } from "./path-readings.ts";

const PARAMETER = /^:[A-Za-z_][\w-]*$/;

/** A segment of a pattern: a parameter's name, or null where the text is literal. */
export interface PatternSegment {
  readonly literal: string;
  readonly param: string | null;
}

/** A route's `path`, taken apart: `/users/me`, `/users/:id`, `/users/*`, `/users/:id/*`. */
export class PathPattern {
  /** Without the trailing `/*`. `/*` alone has none; `/` has one, which is empty. */
  readonly segments: readonly PatternSegment[];
  /** The literal path as requests are compared with it; not meaningful with parameters. */
  readonly text: string;
  readonly isPrefix: boolean;
  readonly hasParams: boolean;
  readonly literals: number;

  constructor(path: string) {
    const whole = path === "*" ? "/*" : path;
    this.isPrefix = whole.endsWith("/*");
    const rest = this.isPrefix ? whole.slice(0, -2) : whole;
    this.segments = rest === "" ? [] : rest.slice(1).split("/").map(parseSegment);
    this.text = this.segments.map((segment) => `/${segment.literal}`).join("");
    const params = this.segments.filter((segment) => segment.param !== null).length;
    this.hasParams = params > 0;
    this.literals = this.segments.length - params;
  }

  /** The parameters' values in a path that matches, decoded; a value that is not UTF-8 stays as received. */
  paramsOf(path: string): Record<string, string> {
    const values = path.split("/", this.segments.length + 1);
    const params: Record<string, string> = {};
    this.segments.forEach(({ param }, i) => {
      if (param !== null) params[param] = decodeText(values[i + 1] ?? "");
    });
    return params;
  }
}

function parseSegment(text: string): PatternSegment {
  const isParam = PARAMETER.test(text);
  return { literal: isParam ? "" : decodeForMatching(bytesOf(text)), param: isParam ? text.slice(1) : null };
}

/** Requests bring UTF-8 as bytes; so `/café` is compared as the bytes a client sends for it. */
function bytesOf(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}

function decodeText(value: string): string {
  if (!value.includes("%")) return value;
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
