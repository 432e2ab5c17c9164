import type { Config } from "./config.ts";
import { refuseRemote, SchemaCompiler } from "./json-schema.ts";
import { listed } from "./media-type.ts";
import type { FieldRule, FieldSource, Operation } from "./operation.ts";

const WITHOUT_BODY = new Set(["GET", "HEAD", "DELETE", "OPTIONS"]);

/** The operation of a method, made of the configured schemas. @throws Error for one that is no schema */
export function schemaOperations(config: Config): (method: string) => Operation {
  const operation = schemaOperation(config);
  const optional = { ...operation, body: operation.body && { ...operation.body, required: false } };
  return (method) => (WITHOUT_BODY.has(method) ? optional : operation);
}

function schemaOperation(config: Config): Operation {
  const { draft, maxErrors, coerce, contentTypes } = config;
  for (const place of ["body", "query", "headers", "params", "responseBody"] as const)
    refuseRemote(config[place], place);
  const values = new SchemaCompiler({ draft, maxErrors, coerce: false });
  const texts = new SchemaCompiler({ draft, maxErrors, coerce });
  const fields: FieldRule[] = [];
  const add = (place: "query" | "headers" | "params", read: (from: FieldSource) => unknown) => {
    if (config[place] !== undefined) fields.push({ validate: texts.compile(config[place], place), read });
  };
  add("query", ({ query }) => listed(query));
  add("headers", ({ headers }) => listed([...headers].map(([name, value]) => [name.toLowerCase(), value])));
  add("params", ({ params }) => ({ ...params }));
  const body = config.body === undefined ? null : values.compile(config.body, "body");
  const form = config.body === undefined ? null : texts.compile(config.body, "body");
  const reply = config.responseBody === undefined ? null : values.compile(config.responseBody, "reply", "responseBody");
  return {
    fields,
    body: body && {
      required: config.bodyRequired,
      content: contentTypes.map((type) => [type, /x-www-form-urlencoded/i.test(type) ? form : body] as const),
    },
    responseFor: (status) =>
      reply === null || status >= 300
        ? null
        : ["application/json", "application/*+json"].map((type) => [type, reply] as const),
  };
}
