import { readFileSync } from "node:fs";
import { parse } from "yaml";

export type Node = Readonly<Record<string, unknown>>;

export function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** An OpenAPI 3.0 or 3.1 document. References inside it are followed, others refused. */
export class OpenApiDocument {
  readonly root: Node;
  /** 3.0 has a dialect of its own, 3.1 has JSON Schema 2020-12. */
  readonly is30: boolean;

  constructor(root: unknown) {
    if (!isNode(root)) throw new Error("openapi: the document must be an object");
    const version = root["openapi"];
    if (typeof version !== "string" || !/^3\.[01](\.|$)/.test(version))
      throw new Error(`openapi: version ${JSON.stringify(version ?? root["swagger"])} is not known; 3.0 and 3.1 are`);
    if (!isNode(root["paths"])) throw new Error("openapi: the document has no paths");
    this.root = root;
    this.is30 = version.startsWith("3.0");
  }

  static read(source: string | Node): OpenApiDocument {
    if (typeof source !== "string") return new OpenApiDocument(source);
    let text: string;
    try {
      text = readFileSync(source, "utf8");
    } catch (error) {
      throw new Error(`openapi: cannot read ${source}: ${(error as NodeJS.ErrnoException).code}`, { cause: error });
    }
    try {
      return new OpenApiDocument(parse(text));
    } catch (error) {
      throw new Error(`${source}: ${(error as Error).message}`, { cause: error });
    }
  }

  /** What `node` is, or refers to. @throws Error for a reference that leads nowhere, elsewhere or round in circles */
  resolve(node: unknown, where: string): Node {
    let at = node;
    for (let hops = 0; hops < 50; hops++) {
      if (!isNode(at)) throw new Error(`openapi: ${where} must be an object`);
      const ref = at["$ref"];
      if (typeof ref !== "string") return at;
      at = this.at(ref, where);
    }
    throw new Error(`openapi: ${where} refers to itself`);
  }

  /** What stands at `#/components/…`. */
  at(ref: string, where: string): unknown {
    if (ref !== "#" && !ref.startsWith("#/"))
      throw new Error(
        `openapi: ${where}: $ref ${JSON.stringify(ref)} leads elsewhere; bundle the document into one file`,
      );
    let at: unknown = this.root;
    for (const part of ref.split("/").slice(1)) {
      const key = unescapedPart(part);
      at = typeof at === "object" && at !== null && Object.hasOwn(at, key) ? (at as Node)[key] : undefined;
      if (at === undefined) throw new Error(`openapi: ${where}: $ref ${JSON.stringify(ref)} leads nowhere`);
    }
    return at;
  }
}

function unescapedPart(part: string): string {
  const key = part.replaceAll("~1", "/").replaceAll("~0", "~");
  try {
    return decodeURIComponent(key);
  } catch {
    return key;
  }
}
