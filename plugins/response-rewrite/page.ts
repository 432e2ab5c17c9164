import { STATUS_CODES } from "node:http";
import { type ResponseContext, type Static, t } from "sluice";
import { compileTemplate, htmlSafe } from "../headers/template.ts";

const strict = { additionalProperties: false };
const Type = t.Optional(t.String({ description: "Content-Type of the new body." }));

export const Page = t.Union(
  [
    t.Object({ text: t.String(), contentType: Type }, strict),
    t.Object({ html: t.String(), contentType: Type }, strict),
    t.Object({ json: t.Unknown(), contentType: Type }, strict),
  ],
  { description: "The new body; placeholders are filled in, as well as {status}, {title} and {code}." },
);

/** A body that is made for each reply. */
export interface PageOf {
  readonly type: string;
  text(ctx: ResponseContext, status: number): string;
}

type Fill = (ctx: ResponseContext, status: number) => unknown;

const VALUE = /^[\t\x20-\x7e]+$/;

/** @throws Error for an unknown placeholder */
export function compilePage(page: Static<typeof Page>): PageOf {
  const { contentType } = page;
  if (contentType !== undefined && !VALUE.test(contentType))
    throw new Error(`body.contentType: ${JSON.stringify(contentType)} cannot stand in a header`);
  if ("json" in page) {
    const fill = jsonFill(page.json);
    return {
      type: contentType ?? "application/json",
      text: (ctx, status) => `${JSON.stringify(fill(ctx, status) ?? null)}\n`,
    };
  }
  if ("html" in page) return { type: contentType ?? "text/html; charset=utf-8", text: textFill(page.html, htmlSafe) };
  return { type: contentType ?? "text/plain; charset=utf-8", text: textFill(page.text, (value) => value) };
}

const OWN = /(?<!\{)\{(status|title|code)\}(?!\})/;

/** `{status}`, `{title}` and `{code}` are of the reply; all the others are the request's. */
function textFill(text: string, encode: (value: string) => string): (ctx: ResponseContext, status: number) => string {
  const parts = text.split(new RegExp(OWN, "g")).map((part, i) => (i % 2 === 1 ? part : compileTemplate(part)));
  return (ctx, status) =>
    parts
      .map((part) => (typeof part === "string" ? encode(ownWord(part, ctx, status)) : part.text(ctx, encode)))
      .join("");
}

function ownWord(word: string, ctx: ResponseContext, status: number): string {
  if (word === "status") return String(status);
  if (word === "title") return STATUS_CODES[status] ?? "";
  return ctx.reply.code ?? "";
}

function jsonFill(value: unknown): Fill {
  if (value === "{status}") return (_, status) => status;
  if (typeof value === "string") return textFill(value, (text) => text);
  if (Array.isArray(value)) {
    const fills = value.map(jsonFill);
    return (ctx, status) => fills.map((fill) => fill(ctx, status) ?? null);
  }
  if (typeof value !== "object" || value === null) return () => value;
  const fields = Object.entries(value).map(([key, inner]) => [key, jsonFill(inner)] as const);
  return (ctx, status) => Object.fromEntries(fields.map(([key, fill]) => [key, fill(ctx, status)]));
}
