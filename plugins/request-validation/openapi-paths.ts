import { isNode, type OpenApiDocument } from "./openapi-document.ts";

export interface PathTemplate {
  /** How many parameters it has: fewer is more exact. */
  readonly parameters: number;
  /** What the parameters are, decoded; null where the path does not fit. */
  match(path: string): Readonly<Record<string, string>> | null;
}

/** `/users/{id}`, also `/report.{format}`. */
export function pathTemplate(template: string): PathTemplate {
  const names: string[] = [];
  const source = template.split(/(\{[^{}/]+\})/).map((part) => {
    if (!part.startsWith("{")) return part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
    names.push(part.slice(1, -1));
    return "([^/]+)";
  });
  const pattern = new RegExp(`^${source.join("")}$`);
  return {
    parameters: names.length,
    match(path) {
      const found = pattern.exec(path);
      if (found === null) return null;
      return Object.fromEntries(names.map((name, at) => [name, decoded(found[at + 1]!)]));
    },
  };
}

/** The paths that the document's servers put in front of its own; `given` replaces them. */
export function basePathsOf(document: OpenApiDocument, given: string | undefined): string[] {
  if (given !== undefined) {
    if (given !== "" && !given.startsWith("/")) throw new Error('basePath must start with "/"');
    return [given.replace(/\/+$/, "")];
  }
  const { servers } = document.root;
  if (!Array.isArray(servers) || servers.length === 0) return [""];
  return [...new Set(servers.map((server) => basePathOf(server)))];
}

function basePathOf(server: unknown): string {
  if (!isNode(server) || typeof server["url"] !== "string") throw new Error("openapi: a server has no url");
  const variables = isNode(server["variables"]) ? server["variables"] : {};
  const url = server["url"].replace(/\{([^{}]+)\}/g, (_, name: string) => {
    const variable = variables[name];
    return isNode(variable) ? String(variable["default"]) : "";
  });
  try {
    return new URL(url, "http://server/").pathname.replace(/\/+$/, "");
  } catch (error) {
    throw new Error(`openapi: ${JSON.stringify(url)} is no server url; set basePath`, { cause: error });
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
