import { type Static, t } from "sluice";

const Schema = (description: string) => t.Optional(t.Unknown({ description }));

export const Config = t.Object({
  body: Schema("JSON Schema of the body."),
  query: Schema("JSON Schema of the query, as an object; a name that comes twice is a list."),
  headers: Schema("JSON Schema of the headers, as an object with lower-case names."),
  params: Schema("JSON Schema of the route's parameters, as an object."),
  responseBody: Schema("JSON Schema of replies below 300; wants `responses: log`."),
  openapi: t.Optional(
    t.Union([t.String(), t.Record(t.String(), t.Unknown())], {
      description:
        "Instead of schemas: an OpenAPI 3.0 or 3.1 document, a file's path (YAML or JSON) or the document itself.",
    }),
  ),
  basePath: t.Optional(t.String({ description: "Path in front of the document's. Default: what its `servers` say." })),
  unknown: t.Union([t.Literal("refuse"), t.Literal("pass")], {
    default: "refuse",
    description: "Requests that the document does not have: 404 and 405, or on as they are.",
  }),
  draft: t.Union([t.Literal("2020-12"), t.Literal("7")], { default: "2020-12", description: "Draft of the schemas." }),
  contentTypes: t.Array(t.String(), {
    default: ["application/json"],
    description: "Content types of the body, where `body` is given: `application/*+json` has room for others.",
  }),
  bodyRequired: t.Boolean({ default: true, description: "false: a request without a body is fine too." }),
  maxBody: t.Bytes({ default: 1_048_576, maximum: 64 * 1_048_576, description: "Longer bodies get 413." }),
  coerce: t.Boolean({ default: true, description: 'Query, headers and parameters are text: `"7"` counts as 7.' }),
  maxErrors: t.Integer({ minimum: 1, maximum: 100, default: 10, description: "Mistakes that a reply lists." }),
  responses: t.Union([t.Literal("off"), t.Literal("log")], {
    default: "off",
    description: "`log`: replies that break their schema are logged and counted; they go out all the same.",
  }),
});
export type Config = Static<typeof Config>;
