import { type HeaderMap, type Static, t } from "sluice";
import { compileTemplate, headerSafe, isHeaderSafe, type TemplateSource } from "./template.ts";

const Values = t.Record(t.String(), t.Union([t.String(), t.Array(t.String())]));

/** One direction of the plugin's configuration. */
export const Edits = t.Object(
  {
    remove: t.Optional(
      t.Array(t.String(), { description: "Names to take away; a `*` at the end takes all that begin so." }),
    ),
    rename: t.Optional(t.Record(t.String(), t.String(), { description: "Old name: new name." })),
    replace: t.Optional(
      t.Array(
        t.Object(
          {
            name: t.String({ description: "The header." }),
            pattern: t.String({ description: "A regular expression." }),
            flags: t.Optional(t.String({ description: "Its flags. Default: `g`." })),
            with: t.String({
              description: "What stands for each match: `$1`, `$<name>` and placeholders are filled in.",
            }),
          },
          { additionalProperties: false },
        ),
        { description: "Changes parts of values." },
      ),
    ),
    default: t.Optional(t.Record(t.String(), t.String(), { description: "Set where the header is missing." })),
    set: t.Optional(t.Record(t.String(), t.String(), { description: "Set, whatever was there." })),
    add: t.Optional({ ...Values, description: "Added beside what is there: a value or a list." }),
  },
  { additionalProperties: false },
);
export type EditsConfig = Static<typeof Edits>;

export interface Edit {
  /** Lower case; ends in `*` for a prefix. */
  readonly touches: readonly string[];
  apply(headers: HeaderMap, source: TemplateSource, touchable: Touchable): void;
}

/** Which of the names a pattern stands for are meant, lower case. */
export type Touchable = (lower: string) => boolean;

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const FRAMING = new Set(["content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer"]);

/** In the order in which they are done. @throws Error where one can never work */
export function compileEdits(config: EditsConfig, place: "request" | "response"): Edit[] {
  const edits: Edit[] = [];
  const checked = (name: string) => checkedName(name, place);
  for (const pattern of config.remove ?? []) edits.push(removal(pattern, checked));
  for (const [from, to] of Object.entries(config.rename ?? {})) edits.push(renaming(checked(from), checked(to)));
  for (const one of config.replace ?? []) edits.push(replacing(checked(one.name), one));
  for (const [name, value] of Object.entries(config.default ?? {}))
    edits.push(setting(checked(name), value, "default"));
  for (const [name, value] of Object.entries(config.set ?? {})) edits.push(setting(checked(name), value, "set"));
  for (const [name, values] of Object.entries(config.add ?? {}))
    for (const value of [values].flat()) edits.push(setting(checked(name), value, "add"));
  return edits;
}

function checkedName(name: string, place: string): string {
  const lower = name.toLowerCase();
  if (!TOKEN.test(name)) throw new Error(`${place}: ${JSON.stringify(name)} is no header name`);
  if (FRAMING.has(lower))
    throw new Error(
      `${place}: ${name} says where a message ends or how a connection is used; Sluice writes it, take it out`,
    );
  if (lower === "host" && place === "request")
    throw new Error(
      "request: Host is part of the address, not a header; use the rewrite plugin's `host` or the route's `preserveHost`",
    );
  return name;
}

function removal(pattern: string, checked: (name: string) => string): Edit {
  const lower = pattern.toLowerCase();
  if (!lower.endsWith("*")) {
    checked(pattern);
    return { touches: [lower], apply: (headers) => headers.delete(pattern) };
  }
  const prefix = lower.slice(0, -1);
  if (!TOKEN.test(prefix) || prefix.includes("*"))
    throw new Error(`remove: ${JSON.stringify(pattern)} must be a name, or the beginning of one and then *`);
  const meant = (name: string) => name.startsWith(prefix) && !FRAMING.has(name) && name !== "host";
  return {
    touches: [lower],
    apply: (headers, _, touchable) => {
      const names = new Set(Array.from(headers.keys(), (name) => name.toLowerCase()));
      for (const name of names) if (meant(name) && touchable(name)) headers.delete(name);
    },
  };
}

function renaming(from: string, to: string): Edit {
  const [a, b] = [from.toLowerCase(), to.toLowerCase()];
  return {
    touches: [a, b],
    apply: (headers) => {
      const values = headers.getAll(from);
      // The new name is taken over whole, even from a client who has only sent that one.
      if (a !== b) headers.delete(to);
      headers.delete(from);
      for (const value of values) headers.append(to, value);
    },
  };
}

function replacing(name: string, one: { pattern: string; flags?: string; with: string }): Edit {
  const pattern = compilePattern(one.pattern, one.flags ?? "g");
  const template = compileTemplate(one.with);
  return {
    touches: [name.toLowerCase()],
    apply: (headers, source) => {
      const before = headers.getAll(name);
      if (before.length === 0) return;
      const by = template.text(source, (value) => value.replaceAll("$", "$$$$"));
      const after = before.map((value) => headerSafe(value.replace(pattern, by)));
      if (after.every((value, i) => value === before[i])) return;
      headers.delete(name);
      for (const value of after) headers.append(name, value);
    },
  };
}

/** @throws Error with the configuration's words where the expression cannot be read */
export function compilePattern(pattern: string, flags: string): RegExp {
  // `y` and a kept `lastIndex` would make one request depend on the one before.
  if (flags.includes("y")) throw new Error(`the flag y of ${JSON.stringify(pattern)} cannot be used; anchor with ^`);
  try {
    return new RegExp(pattern, flags);
  } catch (error) {
    throw new Error(`${JSON.stringify(pattern)} is no regular expression: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

function setting(name: string, text: string, how: "default" | "set" | "add"): Edit {
  const template = compileTemplate(text);
  if (!isHeaderSafe(text))
    throw new Error(`the value of ${name} has characters that no header can carry; keep to one line of Latin-1`);
  return {
    touches: [name.toLowerCase()],
    apply: (headers, source) => {
      if (how === "default" && headers.has(name)) return;
      const value = template.value(source, headerSafe);
      if (value === null) {
        // A value we cannot vouch for must not be the one the client sent.
        if (how === "set") headers.delete(name);
      } else if (how === "add") headers.append(name, value);
      else headers.set(name, value);
    },
  };
}
