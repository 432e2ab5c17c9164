import { KindGuard } from "@sinclair/typebox";
import { ConfigSchema } from "./schema.ts";
import { ItemOf, type AnnotatedSchema } from "./schema-kit.ts";
import { expectedOf } from "./schema-reader.ts";

const INTRODUCTION = `# Configuration

<!-- Generated from the schema in src/control/config by \`sluice schema --markdown\`. Do not edit: a test compares. -->

One YAML file says what Sluice listens on, which services it knows and which requests go where.

\`\`\`yaml
listeners:
  - { port: 8080, health: /healthz }
upstreams:
  - name: api
    endpoints: [{ url: http://127.0.0.1:9001, weight: 2 }, { url: http://127.0.0.1:9002 }]
routes:
  - { path: /api/*, upstream: api, stripPath: /api }
\`\`\`

\`sluice check --config FILE\` tells every mistake with line and column; \`sluice init\` writes a file to start from; a saved file is
taken over by itself, whole or not at all.

- **Durations** are milliseconds (\`500\`) or \`100ms\`, \`5s\`, \`2m\`, \`1h\`. **Sizes** are bytes or \`16kb\`, \`10mb\` (10 · 2²⁰), \`1gb\`.
- **\`\${NAME}\`** is the environment variable, \`\${NAME:-default}\` has a default, \`\${FILE:/run/secrets/x}\` is a file's text; \`$\${\` is a
  plain \`\${\`. They stand in values, not in keys.
- **\`--set upstreams.api.url=http://127.0.0.1:9001\`** overrides one field; lists are entered by index or by an item's name.
- **Names** are letters, digits, dot, dash and underscore. Keys that begin with \`x-\` at the top are free, for anchors.
- **The most specific route wins**, wherever it stands: exact host, then the longest wildcard, then any; exact path, then parameters, then the
  longest prefix; more conditions before fewer; then \`priority\`, then the order of the file.
- Fields marked **later** are validated today and warn: their feature comes in a later version. What would leave a door open is closed until then.
`;

interface Row {
  readonly path: string;
  readonly schema: AnnotatedSchema;
  readonly isRequired: boolean;
}

/** `docs/configuration.md`. */
export function renderSchemaDocs(): string {
  const sections = Object.entries(ConfigSchema.properties as Record<string, AnnotatedSchema>).map(([key, schema]) =>
    section(key, schema),
  );
  return `${[INTRODUCTION, ...sections].join("\n")}`;
}

function section(key: string, schema: AnnotatedSchema): string {
  const mark = schema.later ? " _(later)_" : "";
  const rows = rowsOf(schema, "");
  const own =
    rows.length === 0 ? `Expects ${expectedOf(schema)}.${defaultOf(schema)}\n` : rows.map(bullet).join("\n") + "\n";
  return `## \`${key}\`${mark}\n\n${schema.description ?? ""}\n\n${own}`;
}

function bullet({ path, schema, isRequired }: Row): string {
  const mark = schema.later ? " _(later)_" : "";
  const need = isRequired ? ", required" : "";
  return `- **\`${path}\`**${mark} (${expectedOf(schema)}${need}): ${schema.description ?? ""}${defaultOf(schema)}`.trimEnd();
}

function defaultOf(schema: AnnotatedSchema): string {
  const value: unknown = schema.default;
  if (value === undefined || value === "") return "";
  return ` Default: \`${typeof value === "string" ? value : JSON.stringify(value)}\`.`;
}

/** Every field below a schema, in order, as the path to write. */
function rowsOf(schema: AnnotatedSchema, prefix: string): Row[] {
  if (KindGuard.IsArray(schema)) return rowsOf(schema.items as AnnotatedSchema, `${prefix}[]`);
  if (schema[ItemOf] !== undefined) return rowsOf(schema[ItemOf], prefix);
  if (KindGuard.IsRecord(schema))
    return rowsOf(Object.values(schema.patternProperties)[0] as AnnotatedSchema, `${prefix}.NAME`);
  if (KindGuard.IsUnion(schema)) return (schema.anyOf as AnnotatedSchema[]).flatMap((branch) => rowsOf(branch, prefix));
  if (!KindGuard.IsObject(schema)) return [];
  const required = new Set(schema.required ?? []);
  return Object.entries(schema.properties as Record<string, AnnotatedSchema>).flatMap(([key, inner]) => {
    const path = `${prefix}.${key}`.replace(/^(\[\])?\./, "");
    return [{ path, schema: inner, isRequired: required.has(key) }, ...rowsOf(inner, path)];
  });
}
